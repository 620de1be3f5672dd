using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

/// <summary>Builds GGUF files by hand, right or wrong, independently of the writer.</summary>
internal sealed class GgufBytes
{
    private readonly List<byte> _bytes = [];

    public static GgufFile Open(byte[] bytes) => GgufFile.Open(() => new MemoryStream(bytes, writable: false), "test.gguf");

    public GgufBytes Header(ulong tensors, ulong values, uint version = 3) =>
        Raw("GGUF"u8).UInt32(version).UInt64(tensors).UInt64(values);

    public GgufBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public GgufBytes UInt32(uint value) => Raw(BitConverter.GetBytes(value));

    public GgufBytes UInt64(ulong value) => Raw(BitConverter.GetBytes(value));

    public GgufBytes Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return UInt64((ulong)bytes.Length).Raw(bytes);
    }

    public GgufBytes Value(string key, GgufValueType type) => Text(key).UInt32((uint)type);

    public GgufBytes Tensor(string name, GgmlType type, ulong offset, params ulong[] dimensions)
    {
        Text(name).UInt32((uint)dimensions.Length);
        foreach (var dimension in dimensions)
            UInt64(dimension);
        return UInt32((uint)type).UInt64(offset);
    }

    public GgufBytes Pad(int alignment)
    {
        while (_bytes.Count % alignment != 0)
            _bytes.Add(0);
        return this;
    }

    public byte[] ToArray() => [.. _bytes];
}
