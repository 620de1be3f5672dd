using System.Runtime.InteropServices;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>One sequence id: free, taken by a running sequence, or idle with what a finished one left in it.</summary>
internal sealed class CacheEntry(int id)
{
    private readonly List<int> _tokens = [];

    public int Id { get; } = id;

    /// <summary>Whether a running sequence holds the id.</summary>
    public bool InUse { get; set; }

    /// <summary>Tokens whose KV an idle entry holds; empty when free or in use.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Whether nobody uses it and nothing is in it.</summary>
    public bool IsFree => !InUse && _tokens.Count == 0;

    public bool IsIdle => !InUse && _tokens.Count > 0;

    /// <summary>Order of last use among idle entries; 0 for others.</summary>
    public long LastUsed { get; private set; }

    /// <summary>
    /// Shortest length that a rewind can reach: before it, a sliding-window layer has lost what the next row would look at. It rises as the
    /// sequence grows, does not fall when it is cut back, and is known here so that nobody tries, which would empty the id.
    /// </summary>
    public int Floor { get; set; }

    /// <summary>The sliding-window layers at an earlier length of what the id holds.</summary>
    public SequenceSnapshot? Checkpoint { get; set; }

    /// <summary>
    /// The most of <paramref name="common"/> shared tokens that can be had from this entry: by a rewind, else by its checkpoint, else nothing.
    /// A checkpoint holds no more than the window before its end, so it can be cut back by one token and not by two.
    /// </summary>
    public int Reusable(int common)
    {
        if (common >= Floor) return common;
        return Checkpoint is { } checkpoint && common >= checkpoint.Length - 1 ? Math.Min(common, checkpoint.Length) : 0;
    }

    /// <summary>Notes what a finished sequence leaves behind.</summary>
    public void Keep(ReadOnlySpan<int> tokens, long now)
    {
        _tokens.Clear();
        _tokens.AddRange(tokens);
        LastUsed = now;
    }

    /// <summary>Forgets the tokens.</summary>
    public void Forget()
    {
        _tokens.Clear();
        LastUsed = 0;
    }
}
