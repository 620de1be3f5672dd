using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>Finds the best way to begin for a sequence: take over an idle id, copy from another, bring back from host memory, or compute.</summary>
/// <remarks>
/// Everything is weighed in tokens to compute. A reused token saves one; a copy costs <see cref="CopyRate"/> for each token that the holder has; what others
/// lose counts by its age (<see cref="PrefixCache.Loss"/>), as it does when ids are evicted. Reused by one sequence after another; holds
/// no KV and calls no runtime.
/// </remarks>
internal sealed class PrefixSearch(PrefixCache prefixes, CacheEntry[] entries, RuntimeLimits limits, int window, EngineOptions options)
{
    /// <summary>Least reuse that is worth mentioning: every chat shares a few tokens of template.</summary>
    public const int MinimumReuse = 16;

    /// <summary>
    /// What copying a token costs, as part of what computing it costs, where each sequence has its own cells. Measured for 1B on a CPU: 2.3
    /// us against 12 ms, a five-thousandth. A GPU computes a token of 27B in under 1 ms while its 80 KiB of global KV cross the bus twice, in
    /// 16 us or a fiftieth. Sharing cells costs nothing per token.
    /// </summary>
    internal const double CopyRate = 1.0 / 64;

    /// <summary>Copies that a fork before the holder's end takes: the runtime saves the holder, cuts it, copies, and brings it back.</summary>
    private const int CopiesOfCut = 3;

    private double _leastLoss;
    private double _nextLoss;
    private CacheEntry? _least;
    private RequestPriority _priority;
    private int _limit;
    private bool _windowLost;
    private int _longestHeld;
    private int _longestComing;

    /// <summary>Fewest tokens that are copied or waited for.</summary>
    public int LeastCopy { get; } = Math.Max(1, options.ForkMinimumTokens);

    /// <summary>The best way.</summary>
    public PrefixChoice Best { get; private set; }

    /// <summary>Tokens of the sequence that agree with something known.</summary>
    public int DivergedAt { get; private set; }

    /// <summary>
    /// A running sequence that will soon hold much more than <see cref="Best"/> gives: of no worse class, and not a deterministic one, for
    /// these may take longer than computing it.
    /// </summary>
    public Sequence? Donor { get; private set; }

    /// <summary>How much the donor will hold.</summary>
    public int DonorLength { get; private set; }

    /// <summary>Why <see cref="Best"/> is not all that is known.</summary>
    public CacheMiss Miss { get; private set; }

    /// <summary>Shortest length to which an id can be cut back: beyond the window, a local layer keeps a micro batch of positions.</summary>
    public int FloorOf(CacheEntry entry) => Math.Max(entry.Floor, FloorOf(entry.Length));

    /// <summary>The same for an id that grew to a length and has lost nothing else.</summary>
    public int FloorOf(int length) => length > KeptWhole ? length - limits.MicroBatchTokens + 1 : 0;

    /// <summary>The same for a copy or a restored state, which has no more than the window before its end.</summary>
    public int FloorOfCopy(int length) => window > 0 && length > window ? length - 1 : 0;

    /// <summary>
    /// Length up to which no local layer has lost anything: their cells are the window and a micro batch. Where all sequences share cells,
    /// those out of the window may go to others at any time.
    /// </summary>
    public int KeptWhole => window == 0 ? int.MaxValue : window + (limits.SharedCells ? 0 : limits.MicroBatchTokens);

    /// <summary>
    /// Whether a sequence that grows to <paramref name="end"/> may no longer be cut back to a length: own cells keep a micro batch beyond the window, and shared ones
    /// nothing for sure.
    /// </summary>
    public bool IsLostBehind(int length, int end) => limits.SharedCells
        ? end > KeptWhole && end - length >= MinimumReuse
        : end - length >= limits.MicroBatchTokens;

    /// <summary>Searches for a sequence; the other members then tell what was found.</summary>
    public void Run(Sequence sequence)
    {
        var tokens = sequence.Tokens;
        DivergedAt = prefixes.Match(tokens);
        _limit = tokens.Length - 1;
        _priority = sequence.Request.Priority;
        (Donor, DonorLength, _windowLost, _longestHeld, _longestComing) = (null, 0, false, 0, 0);
        FindLosses();
        Best = new(CacheSource.None, 0, -LossOfTarget(null));
        foreach (var entry in entries)
        {
            if (entry.Tip is not null) Consider(entry);
        }

        foreach (var host in prefixes.Hosts) ConsiderHost(host);
        if (Donor is not null && DonorLength - Best.Length < LeastCopy) Donor = null;
        Miss = FindReason();
    }

    private void Consider(CacheEntry entry)
    {
        var shared = prefixes.Shared(entry.Tip!);
        var held = entry.Length;
        _longestHeld = Math.Max(_longestHeld, Math.Min(shared, held));
        _longestComing = Math.Max(_longestComing, shared);
        if (Math.Min(shared, _limit) is var later && entry.InUse && held < later && later > DonorLength
            && later - CopyCost(later) >= LeastCopy && entry.Owner is { Request.Deterministic: false } owner && owner.Request.Priority <= _priority)
        {
            (Donor, DonorLength) = (owner, later);
        }

        var (length, checkpoint) = Reach(Math.Min(shared, held), FloorOf(entry));
        if (length < MinimumReuse) return;

        // What lies out of the window may be gone where others take such cells, and a refusal costs all; a checkpoint nearby is sure.
        var near = checkpoint is null && window > 0 && length < held - 1 && prefixes.CheckpointAt(Math.Min(shared, length)) is { } before
            && before.End > length - MinimumReuse ? before : null;
        if (limits.SharedCells && near is not null) (length, checkpoint) = (near.End, near);
        if (entry.IsIdle) Offer(new(CacheSource.Idle, length, length - prefixes.Loss(entry, length), entry, null, checkpoint));

        // A copy of the whole and a checkpoint is one copy, and leaves the holder's window alone.
        if (near is not null) (length, checkpoint) = (near.End, near);
        var cut = checkpoint is null && window > 0 && length < held - 1;
        var saved = length - (CopyCost(held) * (cut ? CopiesOfCut : 1));
        if (saved >= LeastCopy) Offer(new(CacheSource.Fork, length, saved - LossOfTarget(entry), entry, null, checkpoint));
    }

    private void ConsiderHost(RadixNode host)
    {
        var shared = prefixes.Shared(host);
        _longestHeld = Math.Max(_longestHeld, shared);
        var (length, checkpoint) = Reach(shared, FloorOfCopy(host.End));
        var saved = length - (host.End * CopyRate);
        if (saved >= LeastCopy) Offer(new(CacheSource.Host, length, saved - LossOfTarget(null), null, host, checkpoint));
    }

    /// <summary>
    /// The most that can be had of <paramref name="common"/> tokens: all that the window allows, else what the deepest checkpoint gives. A
    /// checkpoint holds no more than the window before its end, so it can be cut back by one token and not by two.
    /// </summary>
    private (int Length, RadixNode? Checkpoint) Reach(int common, int floor)
    {
        var length = Math.Min(common, _limit);
        if (length >= floor) return (length, null);
        if (length >= MinimumReuse) _windowLost = true;
        return prefixes.CheckpointAt(common) is { } checkpoint ? (Math.Min(checkpoint.End, _limit), checkpoint) : (0, null);
    }

    private void Offer(PrefixChoice choice)
    {
        if (choice.Net > Best.Net) Best = choice;
    }

    private double CopyCost(int tokens) => limits.SharedCells ? 0 : tokens * CopyRate;

    /// <summary>What the cheapest two idle ids are worth; a free one costs nothing.</summary>
    private void FindLosses()
    {
        (_least, _leastLoss, _nextLoss) = (null, double.PositiveInfinity, double.PositiveInfinity);
        foreach (var entry in entries)
        {
            if (entry.InUse) continue;
            entry.Worth = prefixes.Loss(entry);
            if (entry.Worth < _leastLoss) (_least, _leastLoss, _nextLoss) = (entry, entry.Worth, _leastLoss);
            else if (entry.Worth < _nextLoss) _nextLoss = entry.Worth;
        }
    }

    /// <summary>What is lost by emptying an id other than <paramref name="source"/>; infinite when there is none.</summary>
    private double LossOfTarget(CacheEntry? source) => _least == source ? _nextLoss : _leastLoss;

    private CacheMiss FindReason()
    {
        var known = Math.Min(DivergedAt, _limit);
        if (Best.Length >= known && known > 0) return CacheMiss.None;
        if (DivergedAt < MinimumReuse) return CacheMiss.NeverSeen;
        if (_longestHeld > Best.Length && _windowLost) return CacheMiss.WindowLost;
        return Math.Max(_longestHeld, _longestComing) > Math.Max(Best.Length, MinimumReuse - 1) ? CacheMiss.TooShort : CacheMiss.Evicted;
    }
}
