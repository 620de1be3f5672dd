using Gemma3Server.Engine.Diagnostics;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>Says how many prefill rows fit beside the decode rows of a step, so that running streams keep their pace.</summary>
/// <remarks>
/// <para>The model of a step: <c>seconds = a(n) + c + b * p</c> with n decode rows and p prefill rows. <c>a(n)</c> comes from steps that
/// only decode (<see cref="DecodeTimes"/>), c and b from steps with prefill (<see cref="PrefillCost"/>): c is what prefill costs however little of
/// it there is (the native library computes sequences of unlike row counts in passes of their own). A runtime may compute rows at full speed only
/// in tiles (<see cref="Runtime.RuntimeLimits.PrefillTile"/>; 270M on a CPU: 63 rows 144 ms, 64 rows 85 ms); what fewer rows cost is learned apart.</para>
/// <para>Each step earns prefill the time that is left up to the bound, or its share, whichever is more. A chunk is worth its while from one tile
/// on, and from twice c on. Where a step earns less than that, steps without prefill save it up, so that the streams keep their pace on the mean
/// of a few steps, and prompts are not computed in crumbs that cost twice as much. No single step shall be longer for it than
/// <see cref="Overshoot"/> bounds, or than anyone notices; if no chunk that is worth its while fits, each step has the rows that do, at least
/// <see cref="LeastRows"/>: c that breaks a bound by itself would otherwise let a long prompt crawl and save nobody any time.</para>
/// <para>Against noise: one step counts for at most <see cref="Outlier"/> times what was expected, and a budget is at most twice
/// the rows that were tried lately beside streams: rows of nearly one number tell c from b badly, and a single step of a whole micro batch is a
/// stall. At first it is <see cref="LeastRows"/>, or what prompts alone have told. Used by the engine loop alone.</para>
/// </remarks>
internal sealed class StepBudget
{
    /// <summary>
    /// Fewest rows of a chunk: with fewer, the weights are read for too little. Sixteen rows cost a CPU as much as a few decode steps.
    /// </summary>
    public const int LeastChunk = 16;

    /// <summary>How many bounds a single step may take where those beside it take less.</summary>
    private const double Overshoot = 2.5;

    /// <summary>Seconds between two tokens that nobody notices while the mean is kept: eight tokens a second are more than one reads.</summary>
    private const double Unnoticed = 0.125;

    /// <summary>Least part of a decode step that each step earns prefill, whatever the bounds: a prompt shall begin some day.</summary>
    private const double LeastEarned = 0.05;

    /// <summary>
    /// What each step without a tile leaves of the belief that tiles take too long: one that was measured on a bad day is tried again, a few times in a
    /// thousand steps.
    /// </summary>
    private const double Belief = 0.99;

    /// <summary>Part of a worthwhile chunk's price that must have been earned before it runs: half a step early and half a step late even out.</summary>
    private const double Earned = 0.75;

    /// <summary>How much longer a chunk may take for what is left of its prompt.</summary>
    private const double Along = 1.2;

    /// <summary>How many times the expected duration a step counts for at most: a checkpoint, a page fault or another process is no rule.</summary>
    private const double Outlier = 3;

    /// <summary>c is a pass over the weights and what goes with it: no more than so many steps of a single sequence.</summary>
    private const double MostPasses = 3;

    /// <summary>Weight of the newest step in what prompts alone cost.</summary>
    private const double Newest = 0.05;

    private readonly double _factor;
    private readonly double _most;
    private readonly double _sharePerRest;
    private readonly int _tile;
    private readonly int _sequences;
    private readonly DecodeTimes _decode;
    private readonly PrefillCost _tiles = new();
    private readonly PrefillCost _crumbs = new();
    private double _alone, _aloneRows;
    private double _saved;
    private double _belief = 1;
    private int _granted;

    /// <param name="options">The bounds.</param>
    /// <param name="mostRows">Most prefill rows of a step.</param>
    /// <param name="sequences">Most decode rows of a step.</param>
    /// <param name="tile">Rows that the runtime computes at full speed only together; 1 = any number.</param>
    public StepBudget(EngineOptions options, int mostRows, int sequences, int tile = 1)
    {
        _factor = Math.Max(1, options.InterTokenFactor);
        _most = options.InterTokenMilliseconds > 0 ? options.InterTokenMilliseconds / 1000 : double.PositiveInfinity;
        var share = Math.Clamp(options.PrefillShare, 0, 0.9);
        _sharePerRest = share / (1 - share);
        MostRows = mostRows;
        LeastRows = Math.Min(LeastChunk, mostRows);
        _tile = Math.Clamp(tile, 1, mostRows);
        _decode = new(sequences);
        _sequences = sequences;
    }

    /// <summary>Fewest rows it grants, where it grants any.</summary>
    public int LeastRows { get; }

    /// <summary>Most rows it grants.</summary>
    public int MostRows { get; }

    /// <summary>Rows of the last steps with prefill, in twice which the next may try; those of prompts alone before there are any.</summary>
    private double Tried => _tiles.IsKnown || _crumbs.IsKnown ? Math.Max(_tiles.Tried, _crumbs.Tried) : _aloneRows;

    /// <summary>
    /// How many prefill rows a step with so many decode rows may have, of which the first prompt wants <paramref name="rest"/>; 0 = none yet. It
    /// is asked once a step in which prompts wait.
    /// </summary>
    /// <param name="decodeRows">Decode rows of the step.</param>
    /// <param name="rest">Rows that the first prompt has left.</param>
    /// <param name="room">Rows that the step has left for them, at least 1.</param>
    public int Rows(int decodeRows, int rest = int.MaxValue, int room = int.MaxValue)
    {
        _granted = 0;
        var most = Math.Min(MostRows, room);
        if (decodeRows == 0) return most;
        var decode = _decode.Seconds(decodeRows);
        if (decode == 0 || Tried == 0) return Math.Min(LeastRows, most);

        var bound = Math.Min(decode * _factor, _most);
        var each = Math.Max(bound - decode, Math.Max(_sharePerRest, LeastEarned) * decode);
        var single = Math.Max(Math.Min(Math.Max(Overshoot * bound, Unnoticed), _most) - decode, each);
        var (start, row) = Fit(_tile);
        var worth = Math.Min(Math.Max(2 * start, start + (row * _tile)), Seconds(Math.Min(rest, most)));
        if (worth * _belief > single || most < Math.Min(rest, _tile))
        {
            _saved = 0;
            if (double.IsPositiveInfinity(_most)) _belief *= Belief; // a bound that was set is not broken to try
            return Steady(decode, bound, most);
        }

        var available = each + _saved;
        _saved = Math.Min(available, worth);
        if (available < Earned * worth) return 0;
        var seconds = Math.Min(Math.Max(available, worth), single);
        _granted = rest < _tile ? Crumb(rest, seconds) : WholeTiles(Math.Min((seconds - start) / row, Math.Min(most, 2 * Tried)));
        _granted = Math.Min(_granted, most);

        // What little is left of a prompt then is cheaper now than as a crumb, or for another c.
        if (rest > _granted && rest >= _tile && rest <= most && start + (row * rest) <= Math.Min(Along * seconds, single)) _granted = rest;
        _saved = available - Seconds(_granted);
        return _granted;
    }

    /// <summary>No prompt waits: nothing is saved for one.</summary>
    public void NobodyWaits() => _saved = 0;

    /// <summary>Learns from a step that went well.</summary>
    public void Observe(int decodeRows, int prefillRows, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        if (seconds <= 0 || decodeRows > _sequences) return;
        if (prefillRows == 0)
        {
            _decode.Observe(decodeRows, seconds);
        }
        else if (decodeRows == 0)
        {
            // One pass instead of two, so it says little about c; a first idea of b, until there are steps of both kinds.
            _alone = FadingMean.With(_alone, seconds, Newest);
            _aloneRows = FadingMean.With(_aloneRows, prefillRows, Newest);
        }
        else if (_decode.Seconds(decodeRows) is > 0 and var decode)
        {
            if (Tried > 0) seconds = Math.Min(seconds, Outlier * (decode + Seconds(prefillRows)));
            if (_granted > 0 && prefillRows != _granted) _saved += Seconds(_granted) - Seconds(prefillRows);
            (prefillRows >= _tile ? _tiles : _crumbs).Observe(prefillRows, seconds - decode);
            if (prefillRows >= _tile) _belief = 1;
        }
    }

    /// <summary>Rows for each step, where none that would be worth its while fits: what is left up to the bound, or the share.</summary>
    private int Steady(double decode, double bound, int most)
    {
        var (start, row) = Fit(1);
        var left = bound - decode - start;
        var share = _sharePerRest * (decode + start);
        var seconds = left >= share ? left : Math.Max(share, Math.Min(start, 2 * share));
        if (_tile > 1) most = Math.Min(_tile - 1, most); // a tile is too long
        return Math.Min(most, Math.Max(LeastRows, (int)Math.Min(seconds / row, 2 * Tried)));
    }

    /// <summary>What is left of a prompt, where it takes no longer than a chunk; otherwise in parts, as it costs the same.</summary>
    private int Crumb(int rest, double seconds)
    {
        var (start, row) = Fit(1);
        return Math.Min(rest, Math.Max(LeastRows, (int)((seconds - start) / row)));
    }

    private int WholeTiles(double rows) => Math.Max(Math.Max(_tile, LeastRows), (int)rows / _tile * _tile);

    /// <summary>What so many rows are expected to add to a step.</summary>
    private double Seconds(int rows)
    {
        var (start, row) = Fit(rows);
        return start + (row * rows);
    }

    /// <summary>What prefill costs at once (c) and by row (b), in seconds, for chunks of so many rows; something must be known.</summary>
    private (double Start, double Row) Fit(int rows)
    {
        var mostStart = _decode.Knows(1) ? MostPasses * _decode.Seconds(1) : double.PositiveInfinity;
        var (known, other) = rows >= _tile ? (_tiles, _crumbs) : (_crumbs, _tiles);
        if (known.IsKnown) return known.Fit(mostStart);
        var alone = _aloneRows > 0 ? _alone / _aloneRows : double.PositiveInfinity;
        if (!other.IsKnown) return (0, alone);
        var (start, row) = other.Fit(mostStart);
        return alone < row ? (0, alone) : (start, row);
    }
}
