using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class GgufWriterTests
{
    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(4096)]
    public void WriteTensorData_InPieces_ReadsBackTheSame(int alignment)
    {
        var random = new Random(alignment);
        var first = new byte[18 * 3 * 5];
        var second = new byte[4 * 7];
        random.NextBytes(first);
        random.NextBytes(second);
        using var stream = new MemoryStream();
        var writer = new GgufWriter(stream, alignment);
        writer.Add("text", "grüße");
        writer.Add("number", 42u);
        writer.Add("float", 0.5f);
        writer.Add("flag", true);
        writer.Add("texts", ["a", "", "▁b"]);
        writer.Add("floats", [1f, -2f]);
        writer.Add("integers", [3, -4, 5]);
        writer.AddTensor("first", GgmlType.Q4_0, 96, 5);
        writer.AddTensor("second", GgmlType.F32, 7);
        for (var i = 0; i < first.Length; i += 50)
            writer.WriteTensorData(first.AsSpan(i, Math.Min(50, first.Length - i)));
        writer.WriteTensorData(second);
        writer.Complete();

        var file = GgufBytes.Open(stream.ToArray());

        Assert.Equal(writer.Length, stream.Length);
        Assert.Equal(alignment, file.Alignment);
        Assert.Equal("grüße", file.GetText("text"));
        Assert.Equal(42, file.GetInteger("number"));
        Assert.Equal(0.5, file.GetNumber("float"));
        Assert.True(file.Metadata["flag"].AsBool());
        Assert.Equal(["a", "", "▁b"], file.ReadTexts("texts")!);
        Assert.Equal([1f, -2f], file.ReadFloats("floats")!);
        Assert.Equal([3, -4, 5], file.ReadIntegers("integers")!);
        Assert.Null(file.ReadIntegers("floats"));
        Assert.Equal(["first", "second"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([96L, 5L], file.Tensors[0].Dimensions);
        Assert.Equal(480 + 7, file.ParameterCount);
        Assert.Equal(first, Data(file, "first"));
        Assert.Equal(second, Data(file, "second"));
        Assert.All(file.Tensors, tensor => Assert.Equal(0, (tensor.Offset - file.DataOffset) % alignment));
    }

    [Fact]
    public void Complete_MissingData_Throws()
    {
        var writer = new GgufWriter(new MemoryStream());
        writer.AddTensor("t", GgmlType.F32, 8);
        writer.WriteTensorData(new byte[16]);

        Assert.Throws<InvalidOperationException>(writer.Complete);
    }

    [Fact]
    public void WriteTensorData_BeyondTheTensor_Throws()
    {
        var writer = new GgufWriter(new MemoryStream());
        writer.AddTensor("t", GgmlType.F32, 8);

        Assert.Throws<InvalidOperationException>(() => writer.WriteTensorData(new byte[33]));
    }

    [Fact]
    public void Add_AfterTheHeader_Throws()
    {
        var writer = new GgufWriter(new MemoryStream());
        writer.Complete();

        Assert.Throws<InvalidOperationException>(() => writer.Add("late", true));
    }

    [Fact]
    public void Add_SameKeyTwice_Throws()
    {
        var writer = new GgufWriter(new MemoryStream());
        writer.Add("key", 1u);

        Assert.Throws<ArgumentException>(() => writer.Add("key", 2u));
    }

    [Fact]
    public void AddTensor_HalfABlock_Throws() =>
        Assert.Throws<ArgumentException>(() => new GgufWriter(new MemoryStream()).AddTensor("t", GgmlType.Q8_0, 40));

    private static byte[] Data(GgufFile file, string name)
    {
        Assert.True(file.TryGetTensor(name, out var tensor));
        var data = new byte[tensor.ByteLength];
        file.ReadTensorData(tensor, 0, data.AsSpan(0, 10));
        file.ReadTensorData(tensor, 10, data.AsSpan(10));
        return data;
    }
}
