using System.Buffers.Binary;
using System.Text;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>
/// Reads a GGUF header's parts from a stream. Every length is compared with what is left of the file before anything is allocated or skipped.
/// </summary>
/// <remarks>Not thread-safe. The stream belongs to the caller and must seek.</remarks>
internal sealed class GgufReader
{
    private readonly Stream _stream;
    private readonly string _file;
    private readonly byte[] _buffer = new byte[1 << 16];
    private long _bufferStart;
    private int _buffered;
    private int _next;

    /// <param name="stream">The whole file.</param>
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="position">Where reading starts.</param>
    public GgufReader(Stream stream, string file, long position = 0)
    {
        _stream = stream;
        _file = file;
        Length = stream.Length;
        _bufferStart = position;
        stream.Position = position;
    }

    public long Length { get; }

    public long Position => _bufferStart + _next;

    public long Remaining => Length - Position;

    public GgufException Error(string problem) => new($"'{_file}' is not a usable GGUF file: {problem}.");

    public uint ReadUInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    public ulong ReadUInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    /// <summary>Reads 1, 2, 4 or 8 bytes as an unsigned number.</summary>
    public ulong ReadBits(int size, string what)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Take(size, what).CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Reads the count of things that take at least <paramref name="leastBytes"/> each.</summary>
    public int ReadCount(int leastBytes, int most, string what)
    {
        var at = Position;
        var count = ReadUInt64(what);
        if (count > (ulong)most)
            throw Error($"{what} at byte {at} is {count}, more than {most}");
        if ((long)count * leastBytes > Remaining)
            throw Error($"{what} at byte {at} is {count}, but only {Remaining} bytes follow (truncated?)");
        return (int)count;
    }

    public string ReadText(int most, string what)
    {
        var length = ReadTextLength(most, what);
        if (length <= _buffer.Length)
            return Encoding.UTF8.GetString(Take(length, what));
        var bytes = new byte[length];
        for (var done = 0; done < length;)
        {
            var part = Math.Min(_buffer.Length, length - done);
            Take(part, what).CopyTo(bytes.AsSpan(done));
            done += part;
        }
        return Encoding.UTF8.GetString(bytes);
    }

    public void SkipText(int most, string what) => Skip(ReadTextLength(most, what), what);

    public void Skip(long count, string what)
    {
        if (count > Remaining)
            throw Truncated(count, what);
        if (count <= _buffered - _next)
        {
            _next += (int)count;
            return;
        }
        _bufferStart = Position + count;
        _stream.Position = _bufferStart;
        _buffered = _next = 0;
    }

    private int ReadTextLength(int most, string what)
    {
        var at = Position;
        var length = ReadUInt64(what);
        if (length > (ulong)Remaining)
            throw Error($"{what} at byte {at} has a length of {length}, but only {Remaining} bytes follow (truncated?)");
        if (length > (ulong)most)
            throw Error($"{what} at byte {at} has a length of {length}, more than {most}");
        return (int)length;
    }

    /// <summary>The next bytes, at most a buffer of them; valid until the next call.</summary>
    private ReadOnlySpan<byte> Take(int count, string what)
    {
        if (count > Remaining)
            throw Truncated(count, what);
        if (count > _buffered - _next)
        {
            _buffer.AsSpan(_next, _buffered - _next).CopyTo(_buffer);
            _bufferStart += _next;
            _buffered -= _next;
            _next = 0;
            var read = _stream.ReadAtLeast(_buffer.AsSpan(_buffered), count - _buffered, throwOnEndOfStream: false);
            _buffered += read;
            if (_buffered < count)
                throw Truncated(count, what);
        }
        var taken = _buffer.AsSpan(_next, count);
        _next += count;
        return taken;
    }

    private GgufException Truncated(long count, string what) =>
        Error($"it ends at byte {Length}, where {what} at byte {Position} needs {count} bytes (truncated?)");
}
