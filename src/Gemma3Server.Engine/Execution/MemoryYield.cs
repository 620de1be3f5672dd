using Gemma3Server.Engine.Caching;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Execution;

/// <summary>Makes steps smaller while there is no memory to compute them in, and larger again when there is.</summary>
/// <remarks>
/// What costs nobody anything gives way first: what is only kept for later (on the host, and cells that every step would look through); then half
/// of the rows, down to <see cref="LeastRows"/>, since the native library's buffers grow with them; then one running sequence after the other,
/// which is computed again later; at last the smallest step is tried once more, and only then fails. After <see cref="StepsToRecover"/> good steps twice the rows and one more sequence are tried: memory that another
/// process took may be free again. Used by the engine loop alone.
/// </remarks>
internal sealed class MemoryYield(Scheduler scheduler, KvCache cache)
{
    /// <summary>Fewer rows than this hardly make the library's buffers smaller.</summary>
    public const int LeastRows = 16;

    /// <summary>Good steps before more is tried: often enough to recover within seconds, seldom enough that failed trials do not count.</summary>
    public const int StepsToRecover = 64;

    private int _good;
    private bool _triedAgain;

    /// <summary>Whether steps are smaller than they might be.</summary>
    public bool IsShort { get; private set; }

    /// <summary>Lets something give way after a step of so many rows; the sequences have been reconciled.</summary>
    public Concession GiveWay(int rows, out Sequence? preempted)
    {
        preempted = null;
        (IsShort, _good) = (true, 0);
        if (cache.Shed()) return Concession.Cache;
        if (rows > LeastRows && scheduler.RowLimit > LeastRows)
        {
            scheduler.RowLimit = Math.Max(LeastRows, Math.Min(rows, scheduler.RowLimit) / 2);
            return Concession.Rows;
        }

        preempted = scheduler.Preempt(keepState: false);
        if (preempted is null) return (_triedAgain = !_triedAgain) ? Concession.Time : Concession.None;
        scheduler.RunningLimit = scheduler.Running.Count;
        return Concession.Sequence;
    }

    /// <summary>A step went well.</summary>
    public void Succeeded()
    {
        _triedAgain = false;
        if (!IsShort || ++_good < StepsToRecover) return;
        _good = 0;
        if (scheduler.RowLimit < scheduler.StepTokens) scheduler.RowLimit *= 2;
        if (scheduler.RunningLimit < cache.Capacity) scheduler.RunningLimit++;
        IsShort = scheduler.RowLimit < scheduler.StepTokens || scheduler.RunningLimit < cache.Capacity;
    }
}
