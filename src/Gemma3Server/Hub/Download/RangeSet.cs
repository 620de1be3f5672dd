namespace Gemma3Server.Hub.Download;

/// <summary>Which bytes are there: ordered ranges that neither overlap nor touch.</summary>
internal sealed class RangeSet
{
    private readonly List<ByteRange> _ranges = [];

    /// <summary>The ranges, in order.</summary>
    public IReadOnlyList<ByteRange> Ranges => _ranges;

    /// <summary>Number of bytes in all ranges.</summary>
    public long Length => _ranges.Sum(range => range.Length);

    public void Add(ByteRange added)
    {
        if (added.Length <= 0) return;
        var first = _ranges.FindIndex(range => range.End >= added.Start);
        if (first < 0) first = _ranges.Count;
        var last = first;
        while (last < _ranges.Count && _ranges[last].Start <= added.End) last++;
        if (last > first) added = new(Math.Min(added.Start, _ranges[first].Start), Math.Max(added.End, _ranges[last - 1].End));
        _ranges.RemoveRange(first, last - first);
        _ranges.Insert(first, added);
    }

    public void Clear() => _ranges.Clear();

    /// <summary>What is missing of a file, in order and in pieces of at most <paramref name="most"/> bytes.</summary>
    public IEnumerable<ByteRange> Missing(long total, long most)
    {
        var position = 0L;
        foreach (var range in _ranges.Append(new(total, total)).ToList())
        {
            for (; position < range.Start; position += most) yield return new(position, Math.Min(range.Start, position + most));
            position = range.End;
        }
    }

    /// <exception cref="InvalidOperationException">The ranges are not in order.</exception>
    public void CheckIntegrity()
    {
        for (var i = 0; i < _ranges.Count; i++)
        {
            if (_ranges[i].Length <= 0 || (i > 0 && _ranges[i].Start <= _ranges[i - 1].End))
                throw new InvalidOperationException($"Range {i} of {string.Join(' ', _ranges)} is out of order.");
        }
    }
}
