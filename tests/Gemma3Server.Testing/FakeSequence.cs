using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Gemma3Server.Testing;

/// <summary>What one sequence id of the fake holds: all tokens in its global layers, and those from <see cref="FirstKept"/> in its local ones.</summary>
internal sealed class FakeSequence(FakeCells pool)
{
    private readonly List<FakeCells.Cell> _cells = [];

    public List<int> Tokens { get; } = [];

    /// <summary>First position that the local (sliding-window) layers still hold.</summary>
    public int FirstKept { get; private set; }

    public void Append(int token, int keptCells)
    {
        Tokens.Add(token);
        _cells.Add(pool.Take());
        if (Tokens.Count - FirstKept > keptCells) FirstKept = Tokens.Count - keptCells;
    }

    /// <summary>The rule for decoding at position <paramref name="length"/>: its whole window must still be there.</summary>
    public bool CanRewind(int length, int window) => window == 0 || FirstKept <= Math.Max(0, length - window + 1);

    public void Truncate(int length)
    {
        Tokens.RemoveRange(length, Tokens.Count - length);
        pool.Drop(_cells, length);
    }

    /// <summary>Shares the cells of an empty sequence's source.</summary>
    public void CopyFrom(FakeSequence other, int length)
    {
        Tokens.AddRange(CollectionsMarshal.AsSpan(other.Tokens)[..length]);
        for (var i = 0; i < length; i++) _cells.Add(FakeCells.Share(other._cells[i]));
        FirstKept = other.FirstKept;
    }

    /// <summary>Writes a whole state into an empty sequence.</summary>
    public void Set(ReadOnlySpan<int> tokens, int firstKept)
    {
        foreach (var token in tokens) Append(token, int.MaxValue);
        FirstKept = firstKept;
    }

    /// <summary>Writes the local layers of a shorter state.</summary>
    public void SetWindow(int length, int firstKept)
    {
        Truncate(length);
        FirstKept = firstKept;
    }

    public void Clear()
    {
        Tokens.Clear();
        pool.Drop(_cells, 0);
        FirstKept = 0;
    }

    /// <summary>Hash of everything the next row attends to; a window that is not wholly there yields a different one.</summary>
    public ulong Hash(int window)
    {
        var all = CollectionsMarshal.AsSpan(Tokens);
        var hash = XxHash64.HashToUInt64(MemoryMarshal.AsBytes(all));
        var needed = window == 0 ? 0 : Math.Max(0, Tokens.Count - window);
        return FirstKept <= needed ? hash : hash ^ 0xDEAD_BEEF_0BAD_F00DUL;
    }
}
