using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace Gemma3Server.Hub.Download;

/// <summary>A file that comes in any order, and the journal of the ranges that are on disk.</summary>
/// <remarks>
/// Bytes are forced to disk before the journal says that they are there, and the journal before anything is built on it. So a process or
/// machine that ends at any moment leaves a journal that claims too little, never too much. A line that was cut off, or that the disk made
/// up, fails its checksum; it and what follows count for nothing. The journal belongs to one content: its first line names the hash and
/// the length, and with others everything begins anew. The file has holes where nothing has come yet, so that it takes only the room of what has.
/// Thread-safe; one process at a time, which the caller's lock sees to.
/// </remarks>
internal sealed class PartialFile : IDisposable
{
    private readonly Lock _gate = new();
    private readonly RangeSet _done = new();
    private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _data;
    private readonly FileStream _journal;
    private readonly string _head;
    private readonly long _bytes;

    private PartialFile(Microsoft.Win32.SafeHandles.SafeFileHandle data, FileStream journal, string head, long bytes)
    {
        (_data, _journal, _head, _bytes) = (data, journal, head, bytes);
    }

    /// <summary>Bytes that are on disk for good.</summary>
    public long Done
    {
        get
        {
            lock (_gate) return _done.Length;
        }
    }

    /// <summary>Opens what an earlier run has left, or begins.</summary>
    /// <param name="path">The partial file.</param>
    /// <param name="journalPath">Its journal.</param>
    /// <param name="bytes">Length of the whole file.</param>
    /// <param name="sha256">Hash of the whole file.</param>
    public static PartialFile Open(string path, string journalPath, long bytes, string sha256)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var data = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, FileOptions.Asynchronous);
        FileStream? journal = null;
        try
        {
            journal = new FileStream(journalPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            var file = new PartialFile(data, journal, Line($"{sha256} {bytes.ToString(CultureInfo.InvariantCulture)}"), bytes);
            file.Recover();
            return file;
        }
        catch
        {
            journal?.Dispose();
            data.Dispose();
            throw;
        }
    }

    /// <summary>How many bytes a later <see cref="Open"/> would find; 0 where there is nothing of this content.</summary>
    public static long Finished(string path, string journalPath, long bytes, string sha256)
    {
        if (!File.Exists(path) || !File.Exists(journalPath) || new FileInfo(path).Length != bytes) return 0;
        var done = new RangeSet();
        using var reader = new StreamReader(new FileStream(journalPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.Latin1);
        return Read(reader.ReadToEnd(), Line($"{sha256} {bytes.ToString(CultureInfo.InvariantCulture)}"), bytes, done) > 0 ? done.Length : 0;
    }

    /// <summary>What is missing, in pieces of at most <paramref name="most"/> bytes.</summary>
    public IReadOnlyList<ByteRange> Missing(long most)
    {
        lock (_gate) return [.. _done.Missing(_bytes, most)];
    }

    /// <summary>Writes bytes; they count only after <see cref="Commit"/>.</summary>
    public ValueTask WriteAsync(long position, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        RandomAccess.WriteAsync(_data, bytes, position, cancellationToken);

    /// <summary>Forces a range that has been written to disk and notes it.</summary>
    public void Commit(ByteRange range)
    {
        if (range.Length <= 0) return;
        lock (_gate)
        {
            RandomAccess.FlushToDisk(_data);
            Append(Line(string.Create(CultureInfo.InvariantCulture, $"{range.Start} {range.End}")));
            _done.Add(range);
        }
    }

    /// <summary>Forgets everything that has come.</summary>
    public void Restart()
    {
        lock (_gate)
        {
            _journal.SetLength(0);
            _journal.Flush(flushToDisk: true);
            _done.Clear();
            RandomAccess.SetLength(_data, 0);
            RandomAccess.SetLength(_data, _bytes);
            Append(_head);
        }
    }

    /// <summary>Reads the whole file, in order.</summary>
    public async ValueTask<int> ReadAsync(long position, Memory<byte> buffer, CancellationToken cancellationToken) =>
        await RandomAccess.ReadAsync(_data, buffer, position, cancellationToken).ConfigureAwait(false);

    public void Dispose()
    {
        _data.Dispose();
        _journal.Dispose();
    }

    /// <summary>Takes what is sound of the journal, and cuts off the rest.</summary>
    private void Recover()
    {
        using var reader = new StreamReader(_journal, Encoding.Latin1, leaveOpen: true);
        var sound = RandomAccess.GetLength(_data) == _bytes ? Read(reader.ReadToEnd(), _head, _bytes, _done) : 0;
        if (sound == 0)
        {
            Restart();
            return;
        }

        _journal.SetLength(sound);
        _journal.Position = sound;
    }

    /// <summary>Reads a journal; returns the length of its sound part, 0 where it is another content's.</summary>
    private static int Read(string text, string head, long bytes, RangeSet done)
    {
        if (!text.StartsWith(head, StringComparison.Ordinal)) return 0;
        var position = head.Length;
        while (text.IndexOf('\n', position) is var end && end >= 0)
        {
            var line = text[position..(end + 1)];
            var parts = line.Split(' ');
            if (parts.Length != 3 || line != Line($"{parts[0]} {parts[1]}")
                || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from)
                || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var to)
                || from >= to || to > bytes) break;
            done.Add(new(from, to));
            position = end + 1;
        }

        return position;
    }

    private void Append(string line)
    {
        _journal.Write(Encoding.Latin1.GetBytes(line));
        _journal.Flush(flushToDisk: true);
    }

    private static string Line(string text) => $"{text} {XxHash64.HashToUInt64(Encoding.Latin1.GetBytes(text)):x16}\n";
}
