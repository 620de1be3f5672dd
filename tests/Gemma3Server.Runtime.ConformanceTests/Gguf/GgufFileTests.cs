using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class GgufFileTests
{
    private static GgufBytes OneTensor(GgmlType type = GgmlType.F32, ulong offset = 0, params ulong[] dimensions) =>
        new GgufBytes().Header(1, 0).Tensor("t", type, offset, dimensions.Length == 0 ? [8] : dimensions);

    public static TheoryData<string, byte[], string> Damaged => new()
    {
        { "empty", [], "ends at byte 0" },
        { "magic", new GgufBytes().Raw("GGML"u8).UInt32(3).UInt64(0).UInt64(0).ToArray(), "does not start with 'GGUF'" },
        { "version 2", new GgufBytes().Header(0, 0, version: 2).ToArray(), "version is 2" },
        { "big endian", new GgufBytes().Header(0, 0, version: 0x03000000).ToArray(), "version is 50331648" },
        { "tensor count", new GgufBytes().Header(ulong.MaxValue, 0).ToArray(), "number of tensors at byte 8 is 18446744073709551615" },
        { "tensor count without bytes", new GgufBytes().Header(1000, 0).ToArray(), "number of tensors at byte 8 is 1000" },
        { "value count", new GgufBytes().Header(0, 1ul << 60).ToArray(), "number of metadata values at byte 16" },
        { "key length", new GgufBytes().Header(0, 1).UInt64(1ul << 60).UInt64(0).ToArray(), "a metadata key at byte 24 has a length of 1152921504606846976" },
        { "empty key", new GgufBytes().Header(0, 1).Value("", GgufValueType.Bool).UInt64(0).ToArray(), "empty key" },
        { "value type", new GgufBytes().Header(0, 1).Value("k", (GgufValueType)13).UInt64(0).ToArray(), "'k' has the unknown type 13" },
        { "text length", new GgufBytes().Header(0, 1).Value("k", GgufValueType.String).UInt64(1ul << 60).ToArray(), "the text of 'k' at byte 37" },
        { "cut value", new GgufBytes().Header(0, 1).Value("key", GgufValueType.UInt64).UInt32(1).ToArray(), "the value of 'key' at byte 39 needs 8" },
        { "nested array", new GgufBytes().Header(0, 1).Value("k", GgufValueType.Array).UInt32(9).UInt64(1).UInt64(0).ToArray(), "unsupported type 9" },
        { "array length", new GgufBytes().Header(0, 1).Value("k", GgufValueType.Array).UInt32(6).UInt64(1ul << 62).ToArray(), "the length of the array 'k'" },
        { "array cut", new GgufBytes().Header(0, 1).Value("k", GgufValueType.Array).UInt32(6).UInt64(3).UInt64(0).ToArray(), "the length of the array 'k'" },
        {
            "text in array", new GgufBytes().Header(0, 1).Value("k", GgufValueType.Array).UInt32(8).UInt64(1).UInt64(1ul << 60).ToArray(),
            "the array 'k' at byte 49 has a length"
        },
        {
            "key twice", new GgufBytes().Header(0, 2).Value("k", GgufValueType.UInt32).UInt32(1).Value("k", GgufValueType.UInt32).UInt32(2).ToArray(),
            "'k' is there twice"
        },
        { "alignment 24", new GgufBytes().Header(0, 1).Value("general.alignment", GgufValueType.UInt32).UInt32(24).ToArray(), "is 24, not a power of two" },
        { "alignment 0", new GgufBytes().Header(0, 1).Value("general.alignment", GgufValueType.UInt32).UInt32(0).ToArray(), "is 0, not a power of two" },
        { "alignment 2^31", new GgufBytes().Header(0, 1).Value("general.alignment", GgufValueType.UInt32).UInt32(1u << 31).ToArray(), "not a power of two up to" },
        { "alignment text", new GgufBytes().Header(0, 1).Value("general.alignment", GgufValueType.String).Text("32").ToArray(), "not a power of two" },
        { "five dimensions", OneTensor(GgmlType.F32, 0, 1, 1, 1, 1, 1).ToArray(), "has 5 dimensions" },
        { "no dimension", new GgufBytes().Header(1, 0).Text("t").UInt32(0).UInt32(0).UInt64(0).UInt64(0).ToArray(), "has 0 dimensions" },
        { "zero length", OneTensor(GgmlType.F32, 0, 4, 0).ToArray(), "impossible size: [4, 0]" },
        { "negative length", OneTensor(GgmlType.F32, 0, ulong.MaxValue).ToArray(), "impossible size: [-1]" },
        { "length overflow", OneTensor(GgmlType.F32, 0, 1ul << 62, 4).ToArray(), "impossible size" },
        { "size overflow", OneTensor(GgmlType.F64, 0, 1ul << 62).ToArray(), "ends at byte 36893488147419103232" },
        { "removed type", OneTensor((GgmlType)4).ToArray(), "unknown type 4" },
        { "half a block", OneTensor(GgmlType.Q4_0, 0, 48).ToArray(), "not whole blocks of 32 (Q4_0)" },
        { "beyond the end", OneTensor(GgmlType.F32, 0, 8).Pad(32).UInt64(0).ToArray(), "ends at byte 96, and the file has 72" },
        { "offset beyond", OneTensor(GgmlType.F32, ulong.MaxValue - 31, 8).Pad(32).UInt64(0).ToArray(), "'t' ends at byte" },
        { "offset 8", OneTensor(GgmlType.F32, 8, 2).Pad(32).UInt64(0).UInt64(0).ToArray(), "starts at 8, which is not a multiple of 32" },
        {
            "tensor twice", new GgufBytes().Header(2, 0).Tensor("t", GgmlType.I8, 0, 1).Tensor("t", GgmlType.I8, 32, 1).Pad(32).Pad(64).ToArray(),
            "tensor 't' is there twice"
        },
        {
            "overlap", new GgufBytes().Header(2, 0).Tensor("a", GgmlType.F32, 32, 8).Tensor("b", GgmlType.F32, 0, 16).Pad(32).Raw(new byte[64]).ToArray(),
            "'b' and 'a' overlap"
        },
        { "long name", new GgufBytes().Header(1, 0).Tensor(new string('x', 64), GgmlType.I8, 0, 1).Pad(64).ToArray(), "a length of 64, more than 63" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Open_DamagedFile_NamesWhatAndWhereInOneLine(string name, byte[] bytes, string expected)
    {
        var exception = Assert.Throws<GgufException>(() => GgufBytes.Open(bytes));

        Assert.True(exception.Message.Contains(expected, StringComparison.Ordinal), $"{name}: {exception.Message}");
        Assert.StartsWith("'test.gguf'", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Fact]
    public void Open_KeyWithLineBreak_StillMakesOneLine()
    {
        var bytes = new GgufBytes().Header(0, 1).Value("a\nb\e[31m", (GgufValueType)99).UInt64(0).ToArray();

        Assert.Contains("'a?b?[31m'", Assert.Throws<GgufException>(() => GgufBytes.Open(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_EveryValueType_ReadsIt()
    {
        var file = GgufBytes.Open(new GgufBytes().Header(0, 12)
            .Value("u8", GgufValueType.UInt8).Raw([200])
            .Value("i8", GgufValueType.Int8).Raw([200])
            .Value("u16", GgufValueType.UInt16).Raw([0xFF, 0xFF])
            .Value("i16", GgufValueType.Int16).Raw([0xFE, 0xFF])
            .Value("u32", GgufValueType.UInt32).UInt32(4_000_000_000)
            .Value("i32", GgufValueType.Int32).UInt32(uint.MaxValue)
            .Value("f32", GgufValueType.Float32).UInt32(BitConverter.SingleToUInt32Bits(1.5f))
            .Value("bool", GgufValueType.Bool).Raw([1])
            .Value("text", GgufValueType.String).Text("grüße")
            .Value("u64", GgufValueType.UInt64).UInt64(ulong.MaxValue)
            .Value("i64", GgufValueType.Int64).UInt64(ulong.MaxValue)
            .Value("f64", GgufValueType.Float64).UInt64(BitConverter.DoubleToUInt64Bits(-0.25)).ToArray());

        Assert.Equal(200, file.GetInteger("u8"));
        Assert.Equal(-56, file.GetInteger("i8"));
        Assert.Equal(65_535, file.GetInteger("u16"));
        Assert.Equal(-2, file.GetInteger("i16"));
        Assert.Equal(4_000_000_000, file.GetInteger("u32"));
        Assert.Equal(-1, file.GetInteger("i32"));
        Assert.Equal(1.5, file.GetNumber("f32"));
        Assert.Null(file.GetInteger("f32"));
        Assert.True(file.Metadata["bool"].AsBool());
        Assert.Equal("grüße", file.GetText("text"));
        Assert.Null(file.GetInteger("u64"));
        Assert.Equal(ulong.MaxValue, file.GetNumber("u64"));
        Assert.Equal(-1, file.GetInteger("i64"));
        Assert.Equal(-0.25, file.GetNumber("f64"));
        Assert.Null(file.GetText("absent"));
    }

    [Fact]
    public void Open_MissingFile_SaysSo()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

        Assert.Contains("cannot be read", Assert.Throws<GgufException>(() => GgufFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_TextLongerThanTheBuffer_ReadsAllOfIt()
    {
        var text = string.Concat(Enumerable.Range(0, 40_000).Select(i => $"{i},"));
        var file = GgufBytes.Open(new GgufBytes().Header(0, 2)
            .Value("long", GgufValueType.String).Text(text).Value("after", GgufValueType.UInt32).UInt32(7).ToArray());

        Assert.Equal(text, file.GetText("long"));
        Assert.Equal(7, file.GetInteger("after"));
    }

    [Fact]
    public void Split_PartOfACheckpoint_TellsItsPlace()
    {
        var file = GgufBytes.Open(new GgufBytes().Header(0, 3)
            .Value("split.no", GgufValueType.UInt16).Raw([1, 0])
            .Value("split.count", GgufValueType.UInt16).Raw([3, 0])
            .Value("split.tensors.count", GgufValueType.Int32).UInt32(444).ToArray());

        Assert.Equal(new GgufSplit(1, 3, 444), file.Split);
    }
}
