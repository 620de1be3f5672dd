using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>Foresees how many shared cells sequences will take, so that no more are admitted than fit.</summary>
/// <remarks>
/// A sequence needs cells for its tokens and for the answer that is expected of its client, up to <see cref="EngineOptions.ReserveTokens"/>;
/// what several share by a fork counts once. It is a forecast: who grows beyond it makes somebody give way. Idle entries do not count, they
/// give way at once. Calls no runtime.
/// </remarks>
internal sealed class CellForecast(PrefixCache prefixes, CacheEntry[] entries, RuntimeLimits limits, EngineOptions options)
{
    /// <summary>How much of each node has been counted.</summary>
    private readonly Dictionary<RadixNode, int> _shared = [];

    /// <summary>Whether a sequence would fit if it were alone.</summary>
    public bool CanEverFit(Sequence sequence) => !limits.SharedCells || sequence.Count <= limits.TotalCells;

    /// <summary>Whether a newcomer fits beside the <paramref name="running"/> sequences.</summary>
    public bool HasRoom(Sequence newcomer, List<Sequence> running)
    {
        if (!limits.SharedCells) return true;
        var cells = Needed(newcomer);
        foreach (var sequence in running) cells += Needed(sequence);
        // What is shared takes a walk through the tree, which a roomy server need not make.
        if (cells <= limits.TotalCells) return true;
        _shared.Clear();
        foreach (var sequence in running) cells -= CountedBefore(entries[sequence.Id]);
        return cells - SharedBy(newcomer) <= limits.TotalCells;
    }

    /// <summary>
    /// Cells that nobody holds, neither running nor idle. Equal prefixes of forks from sources of their own count once, though they are two.
    /// </summary>
    public long Free()
    {
        _shared.Clear();
        var free = limits.TotalCells;
        foreach (var entry in entries) free -= entry.Length - CountedBefore(entry);
        return free;
    }

    private long Needed(Sequence sequence)
    {
        var expected = Math.Min(sequence.ExpectedTokens, options.ReserveTokens);
        // Whoever comes back asks for a whole answer again, so that it is not sent away at once.
        if (sequence.State == SequenceState.Running) expected -= sequence.Generated - sequence.Request.EmittedTokens.Length;
        return sequence.Count + Math.Clamp(expected, 1, Math.Max(1, sequence.Remaining));
    }

    /// <summary>Cells of an entry that it shares with one that was counted before, since <see cref="_shared"/> was cleared.</summary>
    private int CountedBefore(CacheEntry entry)
    {
        var before = 0;
        for (var node = entry.Tip; node is not null && node.End > 0; node = node.Parent)
        {
            var length = Math.Min(entry.Shared, node.End) - node.Start;
            if (length <= 0) continue;
            var known = _shared.GetValueOrDefault(node);
            before += Math.Min(known, length);
            if (length > known) _shared[node] = length;
        }

        return before;
    }

    /// <summary>What a newcomer will share with a running sequence. One that comes back from host memory brings copies of its own.</summary>
    private int SharedBy(Sequence newcomer)
    {
        if (!options.PrefixReuse || !newcomer.Request.ReusePrefix || newcomer.State == SequenceState.Preempted) return 0;
        prefixes.Match(newcomer.Tokens);
        var most = 0;
        foreach (var entry in entries)
        {
            if (entry.InUse && entry.Tip is { } tip) most = Math.Max(most, Math.Min(prefixes.Shared(tip), entry.Length));
        }

        return most >= options.ForkMinimumTokens ? Math.Min(most, newcomer.Count - 1) : 0;
    }
}
