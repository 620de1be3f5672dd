using Gemma3Server.Engine.Diagnostics;

namespace Gemma3Server.Engine.Caching;

/// <summary>Finds which running sequence to move so that the ids in use stand together, and whether that pays.</summary>
/// <remarks>
/// Where each sequence has its own cells, the native library computes every run of consecutive ids in a pass of its own, and each pass reads
/// all weights. What a pass costs is measured: on a CPU, which computes rows one after another anyway, next to nothing; on a GPU nearly as much as a
/// step. Used by the engine loop alone.
/// </remarks>
internal sealed class IdCompaction(CacheEntry[] entries)
{
    /// <summary>Weight of the newest step.</summary>
    private const double Newest = 0.1;

    /// <summary>Passes that nobody notices, in seconds.</summary>
    private const double Unnoticed = 0.0005;

    /// <summary>Tokens that a sequence is thought to go on for, if it may: clients allow many more than they get.</summary>
    private const int ExpectedSteps = 64;

    /// <summary>Steps without a move after one that the runtime refused: it would be tried before every step.</summary>
    private const int Pause = 256;

    private readonly Scheduling.DecodeTimes _together = new(entries.Length);
    private double _secondsPerPass;
    private double _secondsPerToken;
    private bool _measured;
    private bool _moved;
    private int _runs;
    private int _inUse;
    private int _paused;

    /// <summary>Runs of consecutive ids in use.</summary>
    public int Runs
    {
        get
        {
            var runs = 0;
            for (var id = 0; id < entries.Length; id++)
            {
                if (entries[id].InUse && (id == 0 || !entries[id - 1].InUse)) runs++;
            }

            return runs;
        }
    }

    /// <summary>A step begins. Whether a move may help.</summary>
    public bool Begin()
    {
        _moved = false;
        _runs = Runs;
        _inUse = entries.Count(static entry => entry.InUse);
        if (_paused > 0) _paused--;
        return _runs > 1 && _paused == 0;
    }

    /// <summary>Learns from the step that began, if it only decoded; one that made a move, or left somebody out, tells nothing.</summary>
    public void Observe(int decodeRows, double seconds)
    {
        if (seconds <= 0 || _moved || decodeRows != _inUse) return;
        var runs = _runs;
        if (runs <= 1)
        {
            _together.Observe(decodeRows, seconds);
        }
        else if (_together.Knows(decodeRows))
        {
            var pass = Math.Max(0, seconds - _together.Seconds(decodeRows)) / (runs - 1);
            _secondsPerPass = _measured ? ((1 - Newest) * _secondsPerPass) + (Newest * pass) : pass;
            _measured = true;
        }
    }

    /// <summary>Learns what a move of so many tokens took.</summary>
    public void ObserveMove(bool succeeded, int tokens, TimeSpan elapsed)
    {
        _moved = true;
        if (!succeeded) _paused = Pause;
        _secondsPerToken = FadingMean.With(_secondsPerToken, elapsed.TotalSeconds / Math.Max(1, tokens), Newest);
    }

    /// <summary>What moving so many tokens takes; 0 = not known yet.</summary>
    public double MoveSeconds(int tokens) => tokens * _secondsPerToken;

    /// <summary>Whether a move that saves so many passes a step, as long as a sequence may still go on, is worth so many seconds.</summary>
    /// <param name="passes">Passes of a step.</param>
    /// <param name="remaining">Tokens that the sequence may still get.</param>
    /// <param name="seconds">The move's own, and what computing again takes that is lost by it.</param>
    /// <param name="isFree">Whether nothing is lost: then it is tried before the price of a pass is known.</param>
    public bool Pays(int passes, int remaining, double seconds, bool isFree) => _measured
        ? _secondsPerPass > Unnoticed && seconds < passes * _secondsPerPass * Math.Min(remaining, ExpectedSteps)
        : isFree;

    /// <summary>
    /// The move that leaves the fewest runs; of equal ones the shortest sequence, into the id whose loss costs least. Nobody with bits that
    /// shall depend on nothing is moved.
    /// </summary>
    /// <returns>The two entries and the runs it saves; 0 = there is none.</returns>
    public (CacheEntry? From, CacheEntry? To, int Saved) Find()
    {
        (CacheEntry? From, CacheEntry? To, int Saved) best = default;
        foreach (var from in entries)
        {
            if (from.Owner is not { Request.Deterministic: false } || (from.Awaited != int.MaxValue && from.Awaited > from.Length) || from.Length == 0) continue;
            foreach (var to in entries)
            {
                if (to.InUse) continue;
                var saved = Neighbours(to.Id, except: from.Id) - Neighbours(from.Id, except: to.Id);
                if (saved > 0 && (saved > best.Saved || (saved == best.Saved && IsBetter(from, to, best.From!, best.To!)))) best = (from, to, saved);
            }
        }

        return best;
    }

    private static bool IsBetter(CacheEntry from, CacheEntry to, CacheEntry bestFrom, CacheEntry bestTo) =>
        from.Length < bestFrom.Length || (from == bestFrom && (to.IsFree, -to.Worth).CompareTo((bestTo.IsFree, -bestTo.Worth)) > 0);

    /// <summary>Ids in use beside an id: leaving it makes so many runs of one, less one; taking it the other way round.</summary>
    private int Neighbours(int id, int except)
    {
        var neighbours = 0;
        if (id > 0 && id - 1 != except && entries[id - 1].InUse) neighbours++;
        if (id + 1 < entries.Length && id + 1 != except && entries[id + 1].InUse) neighbours++;
        return neighbours;
    }
}
