namespace Gemma3Server.Engine.Scheduling;

/// <summary>Says how many prefill rows fit beside the decode rows of a step, so that running streams keep their pace.</summary>
/// <remarks>
/// <para>The model of a step: <c>seconds = a(n) + c + b * p</c> with n decode rows and p prefill rows. <c>a(n)</c> comes from steps that
/// only decode, kept for each n: on a CPU it nearly grows with n, on a GPU hardly. <c>c</c> is what prefill costs however little of it there
/// is (the native library computes sequences of unlike row counts in passes of their own), <c>b</c> a row's own cost; both come from steps
/// with prefill, by least squares whose weights fade. Where row counts do not vary, c and b cannot be told apart: then c is 0 and b the mean
/// cost of a row, which contains c. That is safe, for it grants fewer rows; other row counts then tell.</para>
/// <para>Prefill may take the time that is left up to the bound, and never less than its share. The share counts rows, not c: a bound that c
/// alone breaks would otherwise let a long prompt crawl while it saves nobody any time. For the same reason, where the bound cannot be kept, rows
/// take as long as c, up to twice their share: a GPU, on which c is a pass over all weights, would else pay one for every few rows.</para>
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

    /// <summary>Weight of the newest step.</summary>
    private const double Newest = 0.05;

    /// <summary>How many times the expected duration a step counts for at most: a checkpoint, a page fault or another process is no rule.</summary>
    private const double Outlier = 3;

    /// <summary>Pulls c to 0 where the row counts tell nothing about it; small against what varied row counts tell.</summary>
    private const double Pull = 0.002;

    /// <summary>c is a pass over the weights and what goes with it: no more than so many steps of a single sequence.</summary>
    private const double MostPasses = 3;

    /// <summary>A row is never thought to cost less than this, in seconds; keeps a division sane.</summary>
    private const double LeastRowSeconds = 1e-9;

    private readonly double _factor;
    private readonly double _most;
    private readonly double _sharePerRest;
    private readonly DecodeTimes _decode;
    private readonly int _sequences;
    private double _weight, _x, _y, _xx, _xy;
    private double _alone, _aloneRows;
    private int _last;

    /// <param name="options">The bounds.</param>
    /// <param name="mostRows">Most prefill rows of a step.</param>
    /// <param name="sequences">Most decode rows of a step.</param>
    public StepBudget(EngineOptions options, int mostRows, int sequences)
    {
        _factor = Math.Max(1, options.InterTokenFactor);
        _most = options.InterTokenMilliseconds > 0 ? options.InterTokenMilliseconds / 1000 : double.PositiveInfinity;
        var share = Math.Clamp(options.PrefillShare, 0, 0.9);
        _sharePerRest = share / (1 - share);
        MostRows = mostRows;
        LeastRows = Math.Min(LeastChunk, mostRows);
        _decode = new(sequences);
        _sequences = sequences;
    }

    /// <summary>Fewest rows it grants.</summary>
    public int LeastRows { get; }

    /// <summary>Most rows it grants.</summary>
    public int MostRows { get; }

    /// <summary>How many prefill rows a step with so many decode rows may have.</summary>
    public int Rows(int decodeRows)
    {
        if (decodeRows == 0) return MostRows;
        var decode = _decode.Seconds(decodeRows);
        if (decode == 0 || !TryFit(out var start, out var row)) return LeastRows;
        var left = Math.Min(decode * _factor, _most) - decode - start;
        var share = _sharePerRest * (decode + start);
        var seconds = left >= share ? left : Math.Max(share, Math.Min(start, 2 * share));
        var tried = _weight == 0 ? _aloneRows : Math.Max(_last, _x / _weight);
        var rows = Math.Min(seconds / row, Math.Min(MostRows, 2.0 * tried));
        return Math.Max(LeastRows, (int)rows);
    }

    /// <summary>Learns from a step that went well.</summary>
    public void Observe(int decodeRows, int prefillRows, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        if (seconds <= 0 || decodeRows > _sequences) return;
        if (prefillRows == 0)
        {
            _decode.Observe(decodeRows, seconds);
            return;
        }

        if (decodeRows == 0)
        {
            // One pass instead of two, so it says little about c; a first idea of b, until there are steps of both kinds.
            _alone = Mean(_alone, seconds, _aloneRows);
            _aloneRows = Mean(_aloneRows, prefillRows, _aloneRows);
        }
        else
        {
            var decode = _decode.Seconds(decodeRows);
            if (decode == 0) return;
            if (TryFit(out var start, out var row)) seconds = Math.Min(seconds, Outlier * (decode + start + (row * prefillRows)));
            ObservePrefill(prefillRows, seconds - decode);
            _last = prefillRows;
        }
    }

    private static double Mean(double mean, double sample, double seen) => seen == 0 ? sample : ((1 - Newest) * mean) + (Newest * sample);

    private void ObservePrefill(int rows, double seconds)
    {
        const double Kept = 1 - Newest;
        _weight = (_weight * Kept) + 1;
        _x = (_x * Kept) + rows;
        _y = (_y * Kept) + seconds;
        _xx = (_xx * Kept) + ((double)rows * rows);
        _xy = (_xy * Kept) + (rows * seconds);
    }

    /// <summary>What prefill costs at once (c) and by row (b), in seconds; false when nothing is known.</summary>
    private bool TryFit(out double start, out double row)
    {
        (start, row) = (0, 0);
        if (_weight == 0)
        {
            if (_aloneRows == 0) return false;
            row = Math.Max(LeastRowSeconds, _alone / _aloneRows);
            return true;
        }

        var weight = _weight * (1 + Pull);
        var determinant = (weight * _xx) - (_x * _x);
        start = Math.Max(0, ((_y * _xx) - (_x * _xy)) / determinant);
        row = start > 0 ? ((weight * _xy) - (_x * _y)) / determinant : _xy / _xx;
        if (row <= 0) (start, row) = (0, _xy / _xx);
        // Rows of one number, whose cost grows with the prompt, look like a growing c.
        var most = _decode.Knows(1) ? MostPasses * _decode.Seconds(1) : double.PositiveInfinity;
        if (start > most) (start, row) = (most, (_y - (most * _weight)) / _x);
        row = Math.Max(LeastRowSeconds, row);
        return true;
    }
}
