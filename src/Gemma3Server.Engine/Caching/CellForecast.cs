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
        return cells - CountedTwice(running) - SharedBy(newcomer) <= limits.TotalCells;
    }

    private long Needed(Sequence sequence)
    {
        var expected = Math.Min(sequence.ExpectedTokens, options.ReserveTokens);
        // Whoever comes back asks for a whole answer again, so that it is not sent away at once.
        if (sequence.State == SequenceState.Running) expected -= sequence.Generated - sequence.Request.EmittedTokens.Length;
        return sequence.Count + Math.Clamp(expected, 1, Math.Max(1, sequence.Remaining));
    }

    /// <summary>Cells that the lengths of the running sequences count more than once, since forks share them.</summary>
    private long CountedTwice(List<Sequence> running)
    {
        _shared.Clear();
        long all = 0, once = 0;
        foreach (var sequence in running)
        {
            var entry = entries[sequence.Id];
            all += entry.Shared;
            for (var node = entry.Tip; node is not null && node.End > 0; node = node.Parent)
            {
                var length = Math.Min(entry.Shared, node.End) - node.Start;
                if (length <= 0 || (_shared.TryGetValue(node, out var known) && known >= length)) continue;
                once += length - known;
                _shared[node] = length;
            }
        }

        return Math.Max(0, all - once);
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
