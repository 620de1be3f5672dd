using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.EndToEndTests;

/// <summary>
/// Passes every call on to a real runtime and notes, for each row that asked for logits, the largest logits by the whole token history
/// they were computed on. Comparing a serial with a concurrent run then needs no token ids from the engine, and a divergence can be told
/// to be a near-tie (two tokens almost equally likely, rounding decides) or an error.
/// </summary>
internal sealed class RecordingRuntime(IModelRuntime inner) : DelegatingRuntime(inner)
{
    private readonly Dictionary<int, List<int>> _histories = [];
    private readonly Dictionary<UInt128, TopLogits> _steps = [];
    private readonly Dictionary<UInt128, float[]> _rows = [];
    private readonly ConditionalWeakTable<SequenceSnapshot, List<int>> _snapshots = [];
    private readonly List<int> _rowSequences = [];

    /// <summary>Whether whole rows of logits are kept too; for small vocabularies.</summary>
    public bool KeepsRows { get; init; }

    /// <summary>Forward calls so far.</summary>
    public int Forwards { get; private set; }

    /// <summary>Holds the forward calls while it is there and closed.</summary>
    public StepGate? Gate { get; set; }

    /// <summary>Most sequences in one forward call so far.</summary>
    public int WidestBatch { get; private set; }

    /// <summary>Drops all notes, before another run over the same prompts. Call it while the engine is idle.</summary>
    public void Forget() => _steps.Clear();

    /// <summary>The greedy completion of <paramref name="prompt"/> as this runtime computed it, with the largest logits of each choice.</summary>
    public List<TopLogits> Trace(int[] prompt, int count)
    {
        var history = new List<int>(prompt);
        var trace = new List<TopLogits>();
        while (trace.Count < count && _steps.TryGetValue(Key(history), out var step))
        {
            trace.Add(step);
            history.Add(step.Winner);
        }

        return trace;
    }

    /// <summary>The logits after <paramref name="history"/>; <see langword="null"/> when they were not computed, or not kept.</summary>
    public float[]? LogitsAfter(List<int> history) => _rows.GetValueOrDefault(Key(history));

    public override ForwardStatus Forward(ForwardBatch batch)
    {
        Gate?.Pass(Forwards);
        var status = base.Forward(batch);
        if (status != ForwardStatus.Ok) return status;
        Forwards++;
        _rowSequences.Clear();
        for (var row = 0; row < batch.Count; row++)
        {
            var history = History(batch.Sequences[row]);
            history.Add(batch.Tokens[row]);
            if (!_rowSequences.Contains(batch.Sequences[row])) _rowSequences.Add(batch.Sequences[row]);
            if (!batch.WantLogits[row]) continue;
            var key = Key(history);
            _steps[key] = TopLogits.Of(Logits(row));
            if (KeepsRows) _rows[key] = Logits(row).ToArray();
        }

        WidestBatch = Math.Max(WidestBatch, _rowSequences.Count);
        return status;
    }

    public override int Rewind(int sequence, int length)
    {
        var kept = base.Rewind(sequence, length);
        var history = History(sequence);
        history.RemoveRange(kept, history.Count - kept);
        return kept;
    }

    public override bool TryFork(int from, int to, int length)
    {
        if (!base.TryFork(from, to, length)) return false;
        _histories[to] = History(from)[..length];
        return true;
    }

    public override SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope)
    {
        var snapshot = base.Snapshot(sequence, scope);
        if (snapshot is not null) _snapshots.Add(snapshot, [.. History(sequence)]);
        return snapshot;
    }

    public override bool Restore(int sequence, SequenceSnapshot snapshot)
    {
        var restored = base.Restore(sequence, snapshot);
        var history = History(sequence);
        history.Clear();
        if (restored && _snapshots.TryGetValue(snapshot, out var tokens)) history.AddRange(tokens);
        return restored;
    }

    public override void Release(int sequence)
    {
        base.Release(sequence);
        History(sequence).Clear();
    }

    private List<int> History(int sequence) =>
        _histories.TryGetValue(sequence, out var history) ? history : _histories[sequence] = [];

    private static UInt128 Key(List<int> history) => XxHash128.HashToUInt128(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(history)));
}
