using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>
/// Who holds which prefix: ids, host snapshots, and the checkpoints between. Pure bookkeeping over a <see cref="RadixTree"/>; the KV itself
/// is the business of <see cref="IdContents"/> and <see cref="HostMemory"/>.
/// </summary>
/// <remarks>
/// Time is counted in uses, not seconds: an idle server forgets nothing. What nobody holds any more stays known for a while, so that it can be told
/// from what was never seen, and so that the places where requests part stay known.
/// </remarks>
internal sealed class PrefixCache
{
    /// <summary>Tokens that the tree remembers before it forgets what nobody holds: 4 MiB.</summary>
    private const int MostTokens = 1 << 20;

    /// <summary>
    /// How likely it is, at the next use, that somebody asks for what a sequence left, as part of the certainty that the newcomer asks now. A
    /// quarter: a conversation goes on more often than it is asked again, and one of several does.
    /// </summary>
    public const double Chance = 0.25;

    private readonly RadixTree _tree;
    private readonly List<RadixNode> _checkpoints = [];
    private readonly List<RadixNode> _hosts = [];
    private readonly List<SequenceSnapshot> _dropped = [];
    private readonly Queue<RadixNode> _unheld = new();
    private readonly int _mostTokens;

    public PrefixCache(int mostTokens = MostTokens)
    {
        _mostTokens = mostTokens;
        _tree = new(OnUnlocked);
    }

    /// <summary>Uses so far.</summary>
    public long Now { get; private set; }

    /// <summary>Bytes of all checkpoints.</summary>
    public long CheckpointBytes { get; private set; }

    /// <summary>Bytes of all host snapshots.</summary>
    public long HostBytes { get; private set; }

    /// <summary>Prefixes with a snapshot in host memory.</summary>
    public IReadOnlyList<RadixNode> Hosts => _hosts;

    /// <summary>A use begins. What was dropped before can be in nobody's hand any more, and gives its memory back.</summary>
    public void Tick()
    {
        Now++;
        foreach (var snapshot in _dropped) snapshot.Dispose();
        _dropped.Clear();
    }

    /// <summary>How many of <paramref name="tokens"/> are known; <see cref="Shared"/> and <see cref="CheckpointAt"/> then speak of these.</summary>
    public int Match(ReadOnlySpan<int> tokens) => _tree.Match(tokens);

    /// <summary>How many tokens the last match shares with a prefix.</summary>
    public int Shared(RadixNode node) => _tree.Shared(node);

    /// <summary>The deepest checkpoint on the last match's path that is no deeper than <paramref name="depth"/>.</summary>
    public RadixNode? CheckpointAt(int depth) => Ancestor(_tree.Deepest(depth), static n => n.Checkpoint is not null);

    /// <summary>Notes that an id holds <paramref name="tokens"/> and nothing else.</summary>
    public void Attach(CacheEntry entry, ReadOnlySpan<int> tokens)
    {
        var tip = _tree.Insert(tokens);
        RadixTree.Lock(tip);
        Detach(entry); // the new lock first, so that what both share stays held
        entry.Tip = tip;
        entry.LastUsed = Now;
        Forget();
    }

    /// <summary>Notes that an id holds nothing.</summary>
    public void Detach(CacheEntry entry)
    {
        if (entry.Tip is not { } tip) return;
        entry.Tip = null;
        Release(tip);
    }

    /// <summary>Tokens beyond <paramref name="length"/> that an id holds and nobody else.</summary>
    public static int Unique(CacheEntry entry, int length = 0) =>
        entry.Tip is { } tip ? Math.Max(0, tip.End - Math.Max(HeldByOthers(entry), length)) : 0;

    /// <summary>How much of what an id holds somebody else holds too.</summary>
    public static int HeldByOthers(CacheEntry entry) => Ancestor(entry.Tip, static n => n.Locks > 1)?.End ?? 0;

    /// <summary>What it costs to lose what an idle id holds beyond <paramref name="length"/>: tokens to compute, by age.</summary>
    public double Loss(CacheEntry entry, int length = 0) => Chance * Unique(entry, length) / Age(entry.LastUsed);

    /// <summary>Wants checkpoints of a new sequence wherever requests have parted on its way, beyond what it reuses.</summary>
    public static void WantBranches(CacheEntry entry, int after, int before)
    {
        for (var node = entry.Tip; node is not null && node.End > after; node = node.Parent)
        {
            if (node.IsBranch && node.End < before && node.Checkpoint is null) entry.Want(node.End);
        }
    }

    /// <summary>How long the prefix of <paramref name="entry"/> up to the deepest checkpoint before <paramref name="length"/> is.</summary>
    public static int LengthOfCheckpointBefore(CacheEntry entry, int length)
    {
        var node = entry.Tip;
        while (node is not null && (node.End > length || node.Checkpoint is null)) node = node.Parent;
        return node?.End ?? 0;
    }

    /// <summary>Puts a checkpoint on the path of an id that is in use.</summary>
    public void SetCheckpoint(ReadOnlySpan<int> prefix, SequenceSnapshot checkpoint)
    {
        var node = _tree.Insert(prefix);
        DropCheckpoint(node);
        node.Checkpoint = checkpoint;
        node.LastUsed = Now;
        _checkpoints.Add(node);
        CheckpointBytes += checkpoint.Data.Length;
    }

    /// <summary>Puts an idle id's prefix into host memory, and takes out what that makes superfluous.</summary>
    public void SetHost(RadixNode tip, SequenceSnapshot snapshot)
    {
        RadixTree.Lock(tip);
        tip.Host = snapshot;
        tip.LastUsed = Now;
        _hosts.Add(tip);
        HostBytes += snapshot.Data.Length;

        // The same conversation, a turn earlier: nobody continues there.
        for (var node = tip.Parent; node is not null; node = node.Parent)
        {
            if (node.Host is not null && !node.IsBranch) DropHost(node);
        }
    }

    /// <summary>The idle id that is worth least; of equal ones that which was used least recently.</summary>
    public CacheEntry? LeastIdle(CacheEntry[] entries)
    {
        CacheEntry? least = null;
        foreach (var entry in entries)
        {
            if (!entry.IsIdle) continue;
            entry.Worth = Loss(entry);
            if (least is null || entry.Worth < least.Worth || (entry.Worth == least.Worth && entry.LastUsed < least.LastUsed)) least = entry;
        }

        return least;
    }

    /// <summary>Drops checkpoints, those worth least first, until another of so many bytes fits into the budget; false, and none is dropped, when it cannot.</summary>
    public bool MakeCheckpointRoom(long bytes, long budget)
    {
        if (bytes > budget) return false;
        while (CheckpointBytes + bytes > budget) DropCheckpoint(Least(_checkpoints)!);
        return true;
    }

    /// <summary>Drops host snapshots that are worth less than <paramref name="worth"/> until another fits into the budget; false when it does not.</summary>
    public bool MakeHostRoom(long bytes, long budget, double worth)
    {
        if (bytes > budget) return false;
        while (HostBytes + bytes > budget)
        {
            if (Least(_hosts) is not { } node || Worth(node) >= worth) return false;
            DropHost(node);
        }

        return true;
    }

    /// <summary>Drops a host snapshot that is of no use.</summary>
    public void DropHost(RadixNode node)
    {
        HostBytes -= node.Host!.Data.Length;
        _dropped.Add(node.Host);
        node.Host = null;
        _hosts.Remove(node);
        Release(node);
    }

    /// <summary>Drops every snapshot; false when there was none.</summary>
    public bool DropSnapshots()
    {
        var had = _hosts.Count + _checkpoints.Count > 0;
        while (_hosts is [.., var host]) DropHost(host);
        while (_checkpoints is [.., var node]) DropCheckpoint(node);
        return had;
    }

    /// <summary>Notes a use.</summary>
    public void Touch(RadixNode? node)
    {
        if (node is not null) node.LastUsed = Now;
    }

    /// <summary>Throws when the tree and those who hold its prefixes disagree.</summary>
    public void CheckIntegrity(CacheEntry[] entries)
    {
        _tree.CheckIntegrity(entries.Where(e => e.Tip is not null).Select(e => e.Tip!).Concat(_hosts));
        var sound = _checkpoints.Sum(n => (long)n.Checkpoint!.Data.Length) == CheckpointBytes
            && _hosts.Sum(n => (long)n.Host!.Data.Length) == HostBytes
            && _checkpoints.TrueForAll(n => !n.IsRemoved && n.Checkpoint!.Length == n.End)
            && _hosts.TrueForAll(n => !n.IsRemoved && n.Host!.Length == n.End);
        if (!sound) throw new InvalidOperationException("Prefix cache integrity: snapshots do not add up.");
    }

    private static RadixNode? Ancestor(RadixNode? node, Func<RadixNode, bool> where)
    {
        while (node is not null && !where(node)) node = node.Parent;
        return node;
    }

    private long Age(long lastUsed) => Math.Max(1, Now - lastUsed);

    private double Worth(RadixNode node) => Chance * node.End / Age(node.LastUsed);

    private RadixNode? Least(List<RadixNode> nodes)
    {
        RadixNode? least = null;
        foreach (var node in nodes)
        {
            if (least is null || Worth(node) < Worth(least)) least = node;
        }

        return least;
    }

    private void DropCheckpoint(RadixNode node)
    {
        if (node.Checkpoint is not { } checkpoint) return;
        CheckpointBytes -= checkpoint.Data.Length;
        _dropped.Add(checkpoint);
        node.Checkpoint = null;
        _checkpoints.Remove(node);
    }

    private void OnUnlocked(RadixNode node) => DropCheckpoint(node);

    private void Release(RadixNode node)
    {
        _tree.Unlock(node);
        if (node.Locks == 0) _unheld.Enqueue(node);
    }

    private void Forget()
    {
        while (_tree.Tokens > _mostTokens && _unheld.TryDequeue(out var node)) _tree.Evict(node);
        // A prefix that is lost and found again stands here many times.
        if (_unheld.Count <= 2 * (_tree.Nodes + 64)) return;
        var distinct = _unheld.Where(n => !n.IsRemoved && n.Locks == 0).Distinct().ToList();
        _unheld.Clear();
        foreach (var node in distinct) _unheld.Enqueue(node);
    }
}
