using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>A fake runtime whose steps take time on a clock of its own: so much for each decode row and each other row.</summary>
internal sealed class TimedRuntime(FakeRuntimeOptions options, TimeSpan step, TimeSpan decodeRow, TimeSpan prefillRow) : TimeProvider, IModelRuntime
{
    private readonly FakeModelRuntime _inner = new(options);
    private long _now = TimeSpan.TicksPerDay;

    public ModelInfo Model => _inner.Model;

    public RuntimeLimits Limits => _inner.Limits;

    public ITokenizer Tokenizer => _inner.Tokenizer;

    public IMediaProcessor? Media => null;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How long each step took, in order.</summary>
    public List<TimeSpan> Steps { get; } = [];

    public override long GetTimestamp() => _now;

    public void Advance(TimeSpan time) => _now += time.Ticks;

    public ForwardStatus Forward(ForwardBatch batch)
    {
        var took = step;
        foreach (var sequence in batch.Sequences.ToArray().GroupBy(id => id)) took += sequence.Count() == 1 ? decodeRow : sequence.Count() * prefillRow;
        Steps.Add(took);
        Advance(took);
        return _inner.Forward(batch);
    }

    public ForwardStatus ForwardMedia(int sequence, int position, MediaInput input) => _inner.ForwardMedia(sequence, position, input);

    public ReadOnlySpan<float> Logits(int row) => _inner.Logits(row);

    public int Length(int sequence) => _inner.Length(sequence);

    public int Rewind(int sequence, int length) => _inner.Rewind(sequence, length);

    public bool TryFork(int from, int to, int length) => _inner.TryFork(from, to, length);

    public SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope) => _inner.Snapshot(sequence, scope);

    public bool Restore(int sequence, SequenceSnapshot snapshot) => _inner.Restore(sequence, snapshot);

    public void Release(int sequence) => _inner.Release(sequence);

    public void Dispose() => _inner.Dispose();
}
