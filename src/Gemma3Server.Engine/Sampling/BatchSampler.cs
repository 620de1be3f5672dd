using System.Runtime.ExceptionServices;
using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Samples the logits rows of one step, on several cores when there are enough of them.</summary>
/// <remarks>
/// <para>Used by the engine loop alone, which takes part in the work. Which core samples a row does not change the token.</para>
/// <para>A sequence with a draft has several rows, each of which holds only if the draft's token before it is the one that was sampled. They are
/// sampled one after another, the sampler counting each token that held, until one differs: so every token is chosen exactly as it would be
/// without a draft, from the same logits, penalties and draw, and rows in vain are not sampled at all. What a grammar forces behind
/// a token is not sampled either way.</para>
/// <para>Sequences are claimed one by one, by counting <see cref="_unclaimed"/> down; who gets less than zero has nothing to do. The loop waits
/// for what was claimed, never for a worker that has not begun. Nothing is allocated.</para>
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
    private readonly Sequence[] _sequences;
    private readonly int[] _entries;
    private readonly int[] _firstRows;
    private readonly int[] _sampled;
    private readonly int _parallelFrom;
    private nint[] _rows;
    private int[] _lengths;
    private int[] _tokens;
    private TokenLogProbs?[] _logProbs;
    private Exception? _failure;
    private int _count;
    private int _unclaimed;
    private int _unfinished;

    public BatchSampler(int maxSequences, int? parallelFrom = null, int? cores = null)
    {
        _workers = new SamplerWorker[Math.Max(1, Math.Min(cores ?? Environment.ProcessorCount, maxSequences)) - 1];
        for (var i = 0; i < _workers.Length; i++) _workers[i] = new(this);
        _sequences = new Sequence[maxSequences];
        _entries = new int[maxSequences];
        _firstRows = new int[maxSequences + 1];
        _sampled = new int[maxSequences];
        _rows = new nint[maxSequences];
        _lengths = new int[maxSequences];
        _tokens = new int[maxSequences];
        _logProbs = new TokenLogProbs?[maxSequences];
        _parallelFrom = parallelFrom ?? ParallelFrom;
    }

    /// <summary>Samples what the plan's rows yield; <see cref="Tokens"/> then tells.</summary>
    public void Sample(StepPlan plan, ModelRunner runner)
    {
        if (_rows.Length < plan.LogitsRows)
        {
            Array.Resize(ref _rows, plan.LogitsRows);
            Array.Resize(ref _lengths, plan.LogitsRows);
            Array.Resize(ref _tokens, plan.LogitsRows);
            Array.Resize(ref _logProbs, plan.LogitsRows);
        }

        var entries = plan.Entries;
        _count = 0;
        for (var e = 0; e < entries.Length; e++)
        {
            _entries[e] = _count;
            if (!entries[e].WantLogits) continue;
            _sequences[_count] = entries[e].Sequence;
            _firstRows[_count + 1] = _firstRows[_count] + 1 + entries[e].Drafts;
            _count++;
        }

        Pin(entries, runner, 0, 0);
    }

    /// <summary>
    /// The next tokens of an entry of the plan that wants logits: as many of its draft as held, and one more. <see cref="Sampler.NoToken"/>
    /// for a row that cannot be sampled. Valid until the next call.
    /// </summary>
    public ReadOnlySpan<int> Tokens(int entry) => _tokens.AsSpan(_firstRows[_entries[entry]], _sampled[_entries[entry]]);

    /// <summary>Those of each of <see cref="Tokens"/>; <see langword="null"/> where the request asks for none.</summary>
    public ReadOnlySpan<TokenLogProbs?> LogProbs(int entry) => _logProbs.AsSpan(_firstRows[_entries[entry]], _sampled[_entries[entry]]);

    /// <summary>A span cannot cross threads, so each row is pinned by its own stack frame while the innermost one samples.</summary>
    private void Pin(ReadOnlySpan<PlannedRows> entries, ModelRunner runner, int entry, int row)
    {
        while (entry < entries.Length && !entries[entry].WantLogits) entry++;
        if (entry == entries.Length)
        {
            SampleRows();
            return;
        }

        var draft = row - _firstRows[_entries[entry]];
        var logits = runner.Logits(entry, draft);
        fixed (float* pinned = logits)
        {
            _rows[row] = (nint)pinned;
            _lengths[row] = logits.Length;
            Pin(entries, runner, draft == entries[entry].Drafts ? entry + 1 : entry, row + 1);
        }
    }

    private void SampleRows()
    {
        long work = 0;
        for (var i = 0; i < _firstRows[_count]; i++) work += _lengths[i];
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

    /// <summary>Samples sequences until none is left to claim; for the loop and the workers, each with a scratch of its own.</summary>
    internal void SampleClaimedRows(SamplerScratch scratch)
    {
        while (true)
        {
            var claimed = Interlocked.Decrement(ref _unclaimed);
            if (claimed < 0) return;
            try
            {
                SampleSequence(claimed, scratch);
            }
            catch (Exception exception)
            {
                // On a worker it would end the process; the loop throws it once nobody uses the rows any more.
                Volatile.Write(ref _failure, exception);
            }

            Interlocked.Decrement(ref _unfinished);
        }
    }

    private void SampleSequence(int claimed, SamplerScratch scratch)
    {
        var (first, end) = (_firstRows[claimed], _firstRows[claimed + 1]);
        var sequence = _sequences[claimed];
        var (sampler, topLogProbs, drafts) = (sequence.Sampler, sequence.Request.TopLogProbs, sequence.Draft);
        for (var row = first; ; row++)
        {
            var logits = new ReadOnlySpan<float>((void*)_rows[row], _lengths[row]);
            var token = _tokens[row] = row > first && sequence.Forced is [var forced, ..] ? forced : sampler.Sample(logits, scratch);
            _logProbs[row] = topLogProbs is { } count && token != Sampler.NoToken ? Sampling.LogProbs.Of(logits, token, count, scratch) : null;
            _sampled[claimed] = row - first + 1;
            if (row + 1 == end || token != drafts.Tokens[row - first]) return;
            sampler.Accept(token);
        }
    }
}
