using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

public sealed class AllocationTests
{
    /// <summary>
    /// Text is made by the readers, who keep up here, and ids have room for a thousand tokens from the start. Greedily one token follows on
    /// itself, and drafts of it hold.
    /// </summary>
    [Theory]
    [InlineData(1f, SpeculationMode.Off, 200, 400)]
    [InlineData(0f, SpeculationMode.Lookup, 16, 32)]
    public void Step_SteadyDecode_AllocatesNothing(float temperature, SpeculationMode speculation, int warmUp, int steps)
    {
        using var harness = new EngineHarness(new QuietRuntime(), new() { Speculation = speculation }, new StepClock(TimeSpan.FromMilliseconds(1)));
        // Four run, of which one alone, and more wait than can; all have a deadline, as it may come to that.
        var sequences = Enumerable.Range(0, 12).Select(i => harness.Submit($"p{i}", 3000, r => r with
        {
            Sampling = new() { Seed = 1, Temperature = temperature },
            Stop = i % 2 == 0 ? ["never to be met", "a nor b"] : [],
            Priority = (RequestPriority)(i % 3),
            ClientKey = $"client {i % 2}",
            Deterministic = i == 0,
            Timeout = TimeSpan.FromDays(1),
        })).ToArray();
        Run(warmUp);

        var before = harness.Metrics.Snapshot(0, 0);
        var (allocated, told) = Run(steps);
        var after = harness.Metrics.Snapshot(0, 0);
        var tokens = after.CompletionTokens - before.CompletionTokens;
        Assert.Equal(0, allocated);
        Assert.True(harness.Scheduler.WaitingCount > 0 && tokens > steps);
        Assert.InRange(told, tokens - 50, tokens + 50); // some is held back for a while
        if (speculation != SpeculationMode.Off) Assert.True(after.AcceptedDraftTokens - before.AcceptedDraftTokens > 10 * steps);

        (long Allocated, int Told) Run(int count)
        {
            var (allocated, told) = (0L, 0);
            for (var i = 0; i < count; i++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                harness.Executor.Step();
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                foreach (var sequence in sequences) told += sequence.Events().Text().Length;
            }

            return (allocated, told);
        }
    }

    /// <summary>A runtime that allocates nothing, so that what is left is the engine's.</summary>
    private sealed class QuietRuntime : IModelRuntime
    {
        private readonly int[] _lengths = new int[4];
        private readonly float[] _logits = new float[512];

        public QuietRuntime()
        {
            Array.Fill(_logits, -100f);
            _logits.AsSpan(FakeTokenizer.FirstByte + 'a', 26).Fill(1f);
        }

        public ModelInfo Model { get; } = new() { Name = "quiet", Architecture = "gemma3", VocabularySize = 512, TrainedContextLength = 65_536 };

        public RuntimeLimits Limits { get; } = new()
        {
            MaxSequences = 4,
            ContextLength = 65_536,
            MaxBatchTokens = 64,
            MicroBatchTokens = 64,
            TotalCells = 4 * 65_536,
        };

        public ITokenizer Tokenizer { get; } = new QuietTokenizer();

        public IMediaProcessor? Media => null;

        public ForwardStatus Forward(ForwardBatch batch)
        {
            foreach (var sequence in batch.Sequences) _lengths[sequence]++;
            return ForwardStatus.Ok;
        }

        public ForwardStatus ForwardMedia(int sequence, int position, MediaInput input) => ForwardStatus.InvalidBatch;

        public ReadOnlySpan<float> Logits(int row) => _logits;

        public int Length(int sequence) => _lengths[sequence];

        public int Rewind(int sequence, int length) => _lengths[sequence] = Math.Min(length, _lengths[sequence]);

        public bool TryFork(int from, int to, int length) => false;

        public SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope) => null;

        public bool Restore(int sequence, SequenceSnapshot snapshot) => false;

        public void Release(int sequence) => _lengths[sequence] = 0;

        public void Dispose()
        {
        }
    }

    private sealed class QuietTokenizer : ITokenizer
    {
        private readonly FakeTokenizer _inner = new();
        private readonly byte[][] _pieces = [.. Enumerable.Range(0, 256).Select(b => new[] { (byte)b })];

        public int VocabularySize => 512;

        public int BeginOfSequence => FakeTokenizer.Bos;

        public IReadOnlyList<int> EndOfGeneration => _inner.EndOfGeneration;

        public int LongestPiece => _inner.LongestPiece;

        public int[] Tokenize(string text) => _inner.Tokenize(text);

        public bool TryGetControlToken(string piece, out int token) => _inner.TryGetControlToken(piece, out token);

        public bool IsControl(int token) => _inner.IsControl(token);

        public ReadOnlyMemory<byte> Piece(int token) => token >= FakeTokenizer.FirstByte ? _pieces[token - FakeTokenizer.FirstByte] : default;
    }
}
