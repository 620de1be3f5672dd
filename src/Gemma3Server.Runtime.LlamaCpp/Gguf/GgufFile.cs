using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>
/// The header of a GGUF file (version 3): metadata and the places of the tensors, checked. The tensors stay on disk; memory is bounded
/// whatever the file claims.
/// </summary>
/// <remarks>Immutable and thread-safe. The file is closed between calls.</remarks>
public sealed class GgufFile
{
    private readonly Func<Stream> _open;
    private readonly GgufHeader _header;
    private readonly Dictionary<string, GgufTensor> _tensors;

    private GgufFile(string path, long length, GgufHeader header, Func<Stream> open)
    {
        Path = path;
        Length = length;
        _header = header;
        _open = open;
        _tensors = header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>The file as it was named.</summary>
    public string Path { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Every tensor starts at a multiple of it, counted from <see cref="DataOffset"/>.</summary>
    public int Alignment => _header.Alignment;

    /// <summary>First byte of the tensor data.</summary>
    public long DataOffset => _header.DataOffset;

    /// <summary>All metadata.</summary>
    public IReadOnlyDictionary<string, GgufValue> Metadata => _header.Metadata;

    /// <summary>All tensors in the order of their declaration.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _header.Tensors;

    /// <summary>Bytes of all tensors, without padding.</summary>
    public long TensorBytes => _header.Tensors.Sum(tensor => tensor.ByteLength);

    /// <summary>Number of weights.</summary>
    public long ParameterCount => _header.Tensors.Sum(tensor => tensor.ElementCount);

    /// <summary>The architecture, such as <c>gemma3</c>.</summary>
    public string? Architecture => GetText("general.architecture");

    /// <summary>This file's place in a checkpoint of several files, or <see langword="null"/> for a whole one.</summary>
    public GgufSplit? Split =>
        GetInteger("split.count") is > 1 and <= int.MaxValue and var count
            ? new GgufSplit((int)(GetInteger("split.no") ?? 0), (int)count, (int)(GetInteger("split.tensors.count") ?? 0))
            : null;

    /// <summary>Reads and checks the header of a file.</summary>
    /// <exception cref="GgufException">It is missing, unreadable, damaged, truncated or of another kind.</exception>
    public static GgufFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return Open(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new GgufException($"'{path}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Finds a tensor by its name.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out GgufTensor? tensor) => _tensors.TryGetValue(name, out tensor);

    /// <summary>The text of a key; <see langword="null"/> when it is absent or no text.</summary>
    public string? GetText(string key) => Metadata.GetValueOrDefault(key)?.AsText();

    /// <summary>The whole number of a key; <see langword="null"/> when it is absent or no whole number.</summary>
    public long? GetInteger(string key) => Metadata.GetValueOrDefault(key)?.AsInteger();

    /// <summary>The number of a key; <see langword="null"/> when it is absent or no number.</summary>
    public double? GetNumber(string key) => Metadata.GetValueOrDefault(key)?.AsNumber();

    /// <summary>Reads an array of texts from the file; <see langword="null"/> when the key is absent or something else.</summary>
    public string[]? ReadTexts(string key)
    {
        if (Metadata.GetValueOrDefault(key) is not { IsArray: true, ElementType: GgufValueType.String } value)
            return null;
        using var stream = _open();
        var reader = new GgufReader(stream, Path, value.Offset);
        var texts = new string[value.Count];
        for (var i = 0; i < texts.Length; i++)
            texts[i] = reader.ReadText(GgufFormat.MaxKeyBytes, $"the array '{key}'");
        return texts;
    }

    /// <summary>Reads an array of floats from the file; <see langword="null"/> when the key is absent or something else.</summary>
    public float[]? ReadFloats(string key) => ReadArray<float>(key, GgufValueType.Float32);

    /// <summary>Reads an array of 32-bit integers from the file; <see langword="null"/> when the key is absent or something else.</summary>
    public int[]? ReadIntegers(string key) => ReadArray<int>(key, GgufValueType.Int32);

    /// <summary>Reads a part of a tensor's stored bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part reaches beyond the tensor.</exception>
    public void ReadTensorData(GgufTensor tensor, long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, tensor.ByteLength, nameof(destination));
        using var stream = _open();
        stream.Position = tensor.Offset + offset;
        ReadExactly(stream, destination);
    }

    /// <summary>Copies all metadata, in the file's order and byte for byte where they are arrays.</summary>
    /// <param name="writer">Where they go; it adds the alignment itself.</param>
    /// <param name="except">A key that is left out.</param>
    internal void CopyMetadata(GgufWriter writer, string? except)
    {
        using var stream = _open();
        foreach (var (key, value) in Metadata)
        {
            if (key == except || key == GgufFormat.AlignmentKey) continue;
            if (value.IsArray) writer.AddArray(key, value.ElementType, value.Count, ReadElements(stream, value, key));
            else if (value.AsText() is { } text) writer.Add(key, text);
            else writer.AddBits(key, value.Type, value.Bits);
        }
    }

    internal static GgufFile Open(Func<Stream> open, string name)
    {
        using var stream = open();
        var reader = new GgufReader(stream, name);
        return new GgufFile(name, reader.Length, GgufHeader.Read(reader), open);
    }

    private T[]? ReadArray<T>(string key, GgufValueType type) where T : unmanaged
    {
        if (Metadata.GetValueOrDefault(key) is not { IsArray: true } value || value.ElementType != type)
            return null;
        using var stream = _open();
        stream.Position = value.Offset;
        var values = new T[value.Count];
        ReadExactly(stream, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private byte[] ReadElements(Stream stream, GgufValue array, string key)
    {
        var end = array.Offset + ((long)array.Count * GgufFormat.SizeOf(array.ElementType));
        if (array.ElementType == GgufValueType.String)
        {
            var reader = new GgufReader(stream, Path, array.Offset);
            for (var i = 0; i < array.Count; i++) reader.SkipText(GgufFormat.MaxKeyBytes, $"the array '{key}'");
            end = reader.Position;
        }

        var bytes = new byte[end - array.Offset];
        stream.Position = array.Offset;
        ReadExactly(stream, bytes);
        return bytes;
    }

    private void ReadExactly(Stream stream, Span<byte> destination)
    {
        if (stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false) < destination.Length)
            throw new GgufException($"'{Path}' has become shorter since it was opened.");
    }
}
