using System.Runtime.ExceptionServices;
using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Samples the logits rows of one step, on several cores when there are enough of them.</summary>
/// <remarks>
/// <para>Used by the engine loop alone, which takes part in the work. Which core samples a row does not change the token.</para>
/// <para>Rows are claimed one by one, by counting <see cref="_unclaimed"/> down; who gets less than zero has nothing to do. The loop waits
/// for the rows that were claimed, never for a worker that has not begun. Nothing is allocated.</para>
/// </remarks>
internal sealed unsafe class BatchSampler
{
    /// <summary>
    /// Logits from which spreading pays: waking a core takes some 50 us, a row of Gemma's vocabulary 20 (top-k) to 100 (all of it), so four
    /// rows of it are where a second core starts to help.
    /// </summary>
    private const int ParallelFrom = 4 * 262_144;

    private readonly SamplerScratch _scratch = new();
    private readonly SamplerWorker[] _workers;
    private readonly nint[] _rows;
    private readonly int[] _lengths;
    private readonly Sampler[] _samplers;
    private readonly int[] _tokens;
    private readonly int?[] _topLogProbs;
    private readonly TokenLogProbs?[] _logProbs;
    private readonly int _parallelFrom;
    private Exception? _failure;
    private int _count;
    private int _unclaimed;
    private int _unfinished;

    public BatchSampler(int maxSequences, int? parallelFrom = null, int? cores = null)
    {
        _workers = new SamplerWorker[Math.Max(1, Math.Min(cores ?? Environment.ProcessorCount, maxSequences)) - 1];
        for (var i = 0; i < _workers.Length; i++) _workers[i] = new(this);
        _rows = new nint[maxSequences];
        _lengths = new int[maxSequences];
        _samplers = new Sampler[maxSequences];
        _tokens = new int[maxSequences];
        _topLogProbs = new int?[maxSequences];
        _logProbs = new TokenLogProbs?[maxSequences];
        _parallelFrom = parallelFrom ?? ParallelFrom;
    }

    /// <summary>
    /// The next token of every entry of the plan that wants logits, by entry; <see cref="Sampler.NoToken"/> for a row that cannot be
    /// sampled. Entries without logits hold anything. Valid until the next call.
    /// </summary>
    public ReadOnlySpan<int> Sample(StepPlan plan, ModelRunner runner)
    {
        var entries = plan.Entries;
        _count = 0;
        Pin(entries, runner, 0);

        // Back to the entries, from the last: the tokens stand packed at the front.
        var packed = _count;
        for (var e = entries.Length - 1; e >= 0; e--)
        {
            if (!entries[e].WantLogits) continue;
            _tokens[e] = _tokens[--packed];
            _logProbs[e] = _logProbs[packed];
        }

        return _tokens.AsSpan(0, entries.Length);
    }

    /// <summary>Those of the token that <see cref="Sample"/> gave an entry; <see langword="null"/> where the request asks for none.</summary>
    public TokenLogProbs? LogProbs(int entry) => _logProbs[entry];

    /// <summary>A span cannot cross threads, so each row is pinned by its own stack frame while the innermost one samples.</summary>
    private void Pin(ReadOnlySpan<PlannedRows> entries, ModelRunner runner, int entry)
    {
        while (entry < entries.Length && !entries[entry].WantLogits) entry++;
        if (entry == entries.Length)
        {
            SampleRows();
            return;
        }

        var logits = runner.Logits(entry);
        fixed (float* row = logits)
        {
            _rows[_count] = (nint)row;
            _lengths[_count] = logits.Length;
            _topLogProbs[_count] = entries[entry].Sequence.Request.TopLogProbs;
            _samplers[_count++] = entries[entry].Sequence.Sampler;
            Pin(entries, runner, entry + 1);
        }
    }

    private void SampleRows()
    {
        long work = 0;
        for (var i = 0; i < _count; i++) work += _lengths[i];
        _unfinished = _count;
        Interlocked.Exchange(ref _unclaimed, _count); // from here on a late worker of an earlier step may take a row

        var helpers = work >= _parallelFrom ? Math.Min(_workers.Length, _count - 1) : 0;
        for (var i = 0; i < helpers; i++) _workers[i].Wake();
        SampleClaimedRows(_scratch);

        // What others have claimed takes them microseconds; and the rows must stay pinned until then.
        var spinner = default(SpinWait);
        while (Volatile.Read(ref _unfinished) > 0) spinner.SpinOnce(sleep1Threshold: -1);
        if (Interlocked.Exchange(ref _failure, null) is { } failure) ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Samples rows until none is left to claim; for the loop and the workers, each with a scratch of its own.</summary>
    internal void SampleClaimedRows(SamplerScratch scratch)
    {
        while (true)
        {
            var row = Interlocked.Decrement(ref _unclaimed);
            if (row < 0) return;
            try
            {
                var logits = new ReadOnlySpan<float>((void*)_rows[row], _lengths[row]);
                var token = _tokens[row] = _samplers[row].Sample(logits, scratch);
                _logProbs[row] = _topLogProbs[row] is { } count && token != Sampler.NoToken
                    ? Sampling.LogProbs.Of(logits, token, count, scratch)
                    : null;
            }
            catch (Exception exception)
            {
                // On a worker it would end the process; the loop throws it once nobody uses the rows any more.
                Volatile.Write(ref _failure, exception);
            }

            Interlocked.Decrement(ref _unfinished);
        }
    }
}
