using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Benchmarks;

/// <summary>A runtime that computes nothing and hands out given rows of logits.</summary>
internal sealed class RowsRuntime(float[][] rows) : IModelRuntime
{
    public ModelInfo Model { get; } = new() { Name = "rows", Architecture = "gemma3", VocabularySize = rows[0].Length, TrainedContextLength = 4096 };

    public RuntimeLimits Limits { get; } = new()
    {
        MaxSequences = rows.Length,
        ContextLength = 4096,
        MaxBatchTokens = rows.Length,
        MicroBatchTokens = rows.Length,
        TotalCells = 4096,
    };

    public ITokenizer Tokenizer { get; } = new FakeTokenizer();

    public IMediaProcessor? Media => null;

    public ForwardStatus Forward(ForwardBatch batch) => ForwardStatus.Ok;

    public ForwardStatus ForwardMedia(int sequence, int position, MediaInput input) => ForwardStatus.InvalidBatch;

    public ReadOnlySpan<float> Logits(int row) => rows[row];

    public int Length(int sequence) => 0;

    public int Rewind(int sequence, int length) => 0;

    public bool TryFork(int from, int to, int length) => false;

    public SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope) => null;

    public bool Restore(int sequence, SequenceSnapshot snapshot) => false;

    public void Release(int sequence)
    {
    }

    public void Dispose()
    {
    }
}
