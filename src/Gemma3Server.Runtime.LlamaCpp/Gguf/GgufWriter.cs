using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>
/// Writes a GGUF file in constant memory: all metadata and tensor declarations first, then the data of the tensors in the order of their
/// declaration, in pieces of any size. Padding is the writer's business.
/// </summary>
/// <remarks>Not thread-safe. The stream belongs to the caller; it need not seek.</remarks>
public sealed class GgufWriter
{
    private readonly Stream _stream;
    private readonly ArrayBufferWriter<byte> _metadata = new();
    private readonly ArrayBufferWriter<byte> _declarations = new();
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<long> _lengths = [];
    private readonly int _alignment;
    private bool _headerWritten;
    private long _dataLength;
    private int _tensor;
    private long _remaining;

    /// <summary>Creates a writer onto an empty stream.</summary>
    /// <param name="stream">Where the file goes.</param>
    /// <param name="alignment">Every tensor starts at a multiple of it, counted from the first one; a power of two of at least 8.</param>
    public GgufWriter(Stream stream, int alignment = GgufFormat.DefaultAlignment)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (alignment < 8 || !int.IsPow2(alignment))
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "The alignment must be a power of two of at least 8.");
        _stream = stream;
        _alignment = alignment;
        if (alignment != GgufFormat.DefaultAlignment)
            Add(GgufFormat.AlignmentKey, (uint)alignment);
    }

    /// <summary>Bytes of the finished file, as far as it is declared.</summary>
    public long Length => HeaderLength + _dataLength;

    private long HeaderLength => GgufFormat.Align(UnpaddedHeaderLength, _alignment);

    private long UnpaddedHeaderLength => 24L + _metadata.WrittenCount + _declarations.WrittenCount;

    /// <summary>Adds a text.</summary>
    public void Add(string key, string value)
    {
        Key(key, GgufValueType.String);
        Text(_metadata, value);
    }

    /// <summary>Adds an unsigned integer.</summary>
    public void Add(string key, uint value)
    {
        Key(key, GgufValueType.UInt32);
        Number(_metadata, value);
    }

    /// <summary>Adds a float.</summary>
    public void Add(string key, float value)
    {
        Key(key, GgufValueType.Float32);
        Number(_metadata, BitConverter.SingleToUInt32Bits(value));
    }

    /// <summary>Adds a truth value.</summary>
    public void Add(string key, bool value)
    {
        Key(key, GgufValueType.Bool);
        _metadata.Write([value ? (byte)1 : (byte)0]);
    }

    /// <summary>Adds an array of texts.</summary>
    public void Add(string key, IReadOnlyCollection<string> values)
    {
        Array(key, GgufValueType.String, values.Count);
        foreach (var value in values)
            Text(_metadata, value);
    }

    /// <summary>Adds an array of floats.</summary>
    public void Add(string key, ReadOnlySpan<float> values)
    {
        Array(key, GgufValueType.Float32, values.Length);
        foreach (var value in values)
            Number(_metadata, BitConverter.SingleToUInt32Bits(value));
    }

    /// <summary>Adds an array of integers.</summary>
    public void Add(string key, ReadOnlySpan<int> values)
    {
        Array(key, GgufValueType.Int32, values.Length);
        foreach (var value in values)
            Number(_metadata, (uint)value);
    }

    /// <summary>Adds a number or truth value by its bits.</summary>
    internal void AddBits(string key, GgufValueType type, ulong bits)
    {
        Key(key, type);
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, bits);
        _metadata.Write(bytes[..GgufFormat.SizeOf(type)]);
    }

    /// <summary>Adds an array by the bytes of its elements.</summary>
    internal void AddArray(string key, GgufValueType element, int count, ReadOnlySpan<byte> elements)
    {
        Array(key, element, count);
        _metadata.Write(elements);
    }

    /// <summary>Declares a tensor; its data follow in the order of the declarations.</summary>
    /// <param name="name">At most 63 bytes of UTF-8.</param>
    /// <param name="type">How its elements are stored.</param>
    /// <param name="dimensions">One to four lengths, the fastest-running first; the first holds whole blocks.</param>
    public void AddTensor(string name, GgmlType type, params ReadOnlySpan<long> dimensions)
    {
        Declaring();
        if (dimensions.Length is 0 or > GgufFormat.MaxDimensions)
            throw new ArgumentException($"A tensor has 1 to {GgufFormat.MaxDimensions} dimensions, not {dimensions.Length}.", nameof(dimensions));
        if (Encoding.UTF8.GetByteCount(name) is 0 or > GgufFormat.MaxTensorNameBytes)
            throw new ArgumentException($"A tensor's name has 1 to {GgufFormat.MaxTensorNameBytes} bytes: '{name}'.", nameof(name));
        var length = type.ByteLength(dimensions[0]);
        foreach (var dimension in dimensions[1..])
            length = checked(length * ArgumentPositive(dimension));
        if (!_names.Add(name))
            throw new ArgumentException($"Tensor '{name}' is declared twice.", nameof(name));

        Text(_declarations, name);
        Number(_declarations, (uint)dimensions.Length);
        foreach (var dimension in dimensions)
            Number(_declarations, (ulong)ArgumentPositive(dimension));
        Number(_declarations, (uint)type);
        Number(_declarations, (ulong)_dataLength);
        _lengths.Add(length);
        _dataLength = GgufFormat.Align(_dataLength + length, _alignment);
    }

    /// <summary>Writes the next bytes of the tensor data; a piece may not reach into the next tensor.</summary>
    public void WriteTensorData(ReadOnlySpan<byte> data)
    {
        WriteHeader();
        if (_remaining == 0 && _tensor < _lengths.Count)
            _remaining = _lengths[_tensor];
        if (data.Length > _remaining)
            throw new InvalidOperationException($"{data.Length} bytes of data where tensor {_tensor} of {_lengths.Count} takes {_remaining}.");
        _stream.Write(data);
        _remaining -= data.Length;
        if (_remaining == 0)
            Pad(_lengths[_tensor++]);
    }

    /// <summary>Ends the file and flushes the stream.</summary>
    /// <exception cref="InvalidOperationException">The data of a declared tensor are missing.</exception>
    public void Complete()
    {
        WriteHeader();
        if (_tensor != _lengths.Count)
            throw new InvalidOperationException($"{_lengths.Count} tensors are declared and the data of {_tensor} are written.");
        _stream.Flush();
    }

    private void WriteHeader()
    {
        if (_headerWritten)
            return;
        _headerWritten = true;
        var start = new ArrayBufferWriter<byte>(24);
        Number(start, GgufFormat.Magic);
        Number(start, GgufFormat.Version);
        Number(start, (ulong)_lengths.Count);
        Number(start, (ulong)_keys.Count);
        _stream.Write(start.WrittenSpan);
        _stream.Write(_metadata.WrittenSpan);
        _stream.Write(_declarations.WrittenSpan);
        Pad(UnpaddedHeaderLength);
    }

    private void Key(string key, GgufValueType type)
    {
        Declaring();
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (!_keys.Add(key))
            throw new ArgumentException($"Key '{key}' is added twice.", nameof(key));
        Text(_metadata, key);
        Number(_metadata, (uint)type);
    }

    private void Array(string key, GgufValueType element, int count)
    {
        Key(key, GgufValueType.Array);
        Number(_metadata, (uint)element);
        Number(_metadata, (ulong)count);
    }

    private void Declaring()
    {
        if (_headerWritten)
            throw new InvalidOperationException("The header is already written.");
    }

    private static long ArgumentPositive(long dimension) =>
        dimension > 0 ? dimension : throw new ArgumentOutOfRangeException(nameof(dimension), dimension, "A dimension is positive.");

    private void Pad(long position)
    {
        Span<byte> zeros = stackalloc byte[64];
        zeros.Clear();
        for (var missing = GgufFormat.Align(position, _alignment) - position; missing > 0; missing -= zeros.Length)
            _stream.Write(zeros[..(int)Math.Min(missing, zeros.Length)]);
    }

    private static void Text(ArrayBufferWriter<byte> buffer, string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        Number(buffer, (ulong)length);
        buffer.Advance(Encoding.UTF8.GetBytes(value, buffer.GetSpan(length)));
    }

    private static void Number(ArrayBufferWriter<byte> buffer, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.GetSpan(sizeof(uint)), value);
        buffer.Advance(sizeof(uint));
    }

    private static void Number(ArrayBufferWriter<byte> buffer, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.GetSpan(sizeof(ulong)), value);
        buffer.Advance(sizeof(ulong));
    }
}
