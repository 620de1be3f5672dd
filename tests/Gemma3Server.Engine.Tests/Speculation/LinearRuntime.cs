using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

/// <summary>
/// A runtime whose steps take time on a clock of its own as the native library's do: one for each pass, and a part of that for each row. A
/// pass takes as many rows of each sequence as the one with the fewest has left.
/// </summary>
internal sealed class LinearRuntime(FakeRuntimeOptions options, double row) : TimeProvider, IModelRuntime
{
    private readonly FakeModelRuntime _inner = new(options);
    private long _now = TimeSpan.TicksPerDay;

    public ModelInfo Model => _inner.Model;

    public RuntimeLimits Limits => _inner.Limits;

    public ITokenizer Tokenizer => _inner.Tokenizer;

    public IMediaProcessor? Media => null;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now;

    public ForwardStatus Forward(ForwardBatch batch)
    {
        var passes = batch.Sequences.ToArray().CountBy(id => id).Select(pair => pair.Value).Distinct().Count();
        _now += (long)(TimeSpan.TicksPerMillisecond * (passes + (row * batch.Count)));
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
