using Gemma3Server.Runtime;

namespace Gemma3Server.Testing;

/// <summary>Passes every call on to another runtime; a test overrides those that it watches or disturbs.</summary>
public abstract class DelegatingRuntime(IModelRuntime inner) : IModelRuntime, ISnapshotPool
{
    /// <inheritdoc/>
    public ModelInfo Model => inner.Model;

    /// <inheritdoc/>
    public RuntimeLimits Limits => inner.Limits;

    /// <inheritdoc/>
    public virtual ITokenizer Tokenizer => inner.Tokenizer;

    /// <inheritdoc/>
    public IMediaProcessor? Media => inner.Media;

    /// <inheritdoc/>
    public virtual ForwardStatus Forward(ForwardBatch batch) => inner.Forward(batch);

    /// <inheritdoc/>
    public ForwardStatus ForwardMedia(int sequence, int position, MediaInput input) => inner.ForwardMedia(sequence, position, input);

    /// <inheritdoc/>
    public virtual ReadOnlySpan<float> Logits(int row) => inner.Logits(row);

    /// <inheritdoc/>
    public int Length(int sequence) => inner.Length(sequence);

    /// <inheritdoc/>
    public virtual int Rewind(int sequence, int length) => inner.Rewind(sequence, length);

    /// <inheritdoc/>
    public virtual bool TryFork(int from, int to, int length) => inner.TryFork(from, to, length);

    /// <inheritdoc/>
    public virtual SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope) => inner.Snapshot(sequence, scope);

    /// <inheritdoc/>
    public virtual bool Restore(int sequence, SequenceSnapshot snapshot) => inner.Restore(sequence, snapshot);

    /// <inheritdoc/>
    public virtual void Release(int sequence) => inner.Release(sequence);

    /// <inheritdoc/>
    public virtual void LimitSnapshots(long bytes) => (inner as ISnapshotPool)?.LimitSnapshots(bytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        inner.Dispose();
        GC.SuppressFinalize(this);
    }
}
