using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Caching;

/// <summary>One sequence id: free, taken by a running sequence, or idle with what a finished one left in it.</summary>
internal sealed class CacheEntry(int id)
{
    private readonly List<int> _boundaries = [];
    private int _next;

    public int Id { get; } = id;

    /// <summary>The running sequence that holds the id.</summary>
    public Sequence? Owner { get; set; }

    /// <summary>Where in the tree the tokens end that it holds, or, in use, those that its sequence had when it began to run.</summary>
    public RadixNode? Tip { get; set; }

    public bool InUse => Owner is not null;

    public bool IsIdle => Owner is null && Tip is not null;

    /// <summary>Whether nobody uses it and nothing is in it.</summary>
    public bool IsFree => Owner is null && Tip is null;

    /// <summary>Positions whose KV it holds.</summary>
    public int Length => Owner?.Computed ?? Tip?.End ?? 0;

    /// <summary>Order of last use.</summary>
    public long LastUsed { get; set; }

    /// <summary>What it would cost to lose an idle entry: tokens that nobody else holds, by age. Brought up to date when ids are given.</summary>
    public double Worth { get; set; }

    /// <summary>
    /// Shortest length that was lost by other means than growth: before it, a sliding-window layer has lost what the next row would look at.
    /// It does not fall when the id is cut back.
    /// </summary>
    public int Floor { get; set; }

    /// <summary>Shortest length beyond the present one at which another sequence waits for this one; <see cref="int.MaxValue"/> = none.</summary>
    public int Awaited { get; set; } = int.MaxValue;

    /// <summary>Positions whose shared cells another id may have too; 0 where each id has its own.</summary>
    public int Shared { get; set; }

    /// <summary>The next length at which a checkpoint is wanted; <see cref="int.MaxValue"/> = none.</summary>
    public int NextBoundary => _next < _boundaries.Count ? _boundaries[_next] : int.MaxValue;

    /// <summary>Lengths at which checkpoints are wanted, ascending.</summary>
    public IReadOnlyList<int> Boundaries => _boundaries;

    /// <summary>Wants a checkpoint at a length.</summary>
    public void Want(int length)
    {
        var at = _boundaries.BinarySearch(length);
        if (at < 0 && ~at >= _next) _boundaries.Insert(~at, length);
    }

    /// <summary>Goes on to the boundary after <see cref="NextBoundary"/>.</summary>
    public void PassBoundary() => _next++;

    /// <summary>Takes over all that another entry stands for, which is then free.</summary>
    public void TakeOver(CacheEntry other)
    {
        (Owner, Tip, LastUsed, Floor, Awaited, Shared) = (other.Owner, other.Tip, other.LastUsed, other.Floor, other.Awaited, other.Shared);
        _boundaries.Clear();
        _boundaries.AddRange(other._boundaries);
        _next = other._next;
        (other.Owner, other.Tip, other.Floor, other.Shared) = (null, null, 0, 0);
        other.ForgetWishes();
    }

    /// <summary>Wants no checkpoints, and nobody waits.</summary>
    public void ForgetWishes()
    {
        _boundaries.Clear();
        _next = 0;
        Awaited = int.MaxValue;
    }
}
