using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Engine.Tests.Text;

/// <summary>What the loop's own thread does about text while readers wait for it.</summary>
public sealed class LoopThreadTests
{
    private const int Streams = 4;
    private const int Tokens = 300;

    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Generate_ReadersWait_TextIsMadeElsewhere(bool stops)
    {
        var runtime = new WatchedRuntime();
        await using var engine = new InferenceEngine(
            () => runtime, new() { Speculation = SpeculationMode.Off }, TimeProvider.System, NullLogger<InferenceEngine>.Instance);
        await engine.Ready.WaitAsync(Timeout);
        var readers = Enumerable.Range(0, Streams).Select(i => engine.Generate(Requests.Greedy($"p{i}", Tokens) with
        {
            Stop = stops ? ["never met", "\n\nUser:"] : [],
        }, Timeout).ReadAll());
        var events = await Task.WhenAll(readers);

        Assert.All(events, e => Assert.Equal(Tokens, e.Finish().CompletionTokens));
        Assert.Equal(stops ? Streams * Tokens : 0, runtime.PiecesOnLoop); // with stop strings, to look for the bytes that begin one

        // Buffers grow at first, and where readers fall behind; a step itself allocates nothing.
        var allocated = runtime.Allocated.Order().ToArray();
        Assert.True(allocated.Length > Tokens / 2);
        Assert.Equal(0, allocated[allocated.Length / 2]);
    }

    /// <summary>Counts what the loop does from its first step of the model on.</summary>
    private sealed class WatchedRuntime() : DelegatingRuntime(new FakeModelRuntime(new() { Next = _ => FakeTokenizer.FirstByte + 'x' })), ITokenizer
    {
        private readonly byte[] _x = [(byte)'x'];
        private Thread? _loop;
        private long _before;

        public override ITokenizer Tokenizer => this;

        /// <summary>What it allocated from each step of the model to the next.</summary>
        public List<long> Allocated { get; } = [];

        public int PiecesOnLoop { get; private set; }

        public int VocabularySize => base.Tokenizer.VocabularySize;

        public int BeginOfSequence => base.Tokenizer.BeginOfSequence;

        public IReadOnlyList<int> EndOfGeneration => base.Tokenizer.EndOfGeneration;

        public int LongestPiece => base.Tokenizer.LongestPiece;

        public override ForwardStatus Forward(ForwardBatch batch)
        {
            if (_loop is not null) Allocated.Add(GC.GetAllocatedBytesForCurrentThread() - _before);
            var status = base.Forward(batch);
            _before = GC.GetAllocatedBytesForCurrentThread();
            _loop = Thread.CurrentThread;
            return status;
        }

        public int[] Tokenize(string text) => base.Tokenizer.Tokenize(text);

        public bool TryGetControlToken(string piece, out int token) => base.Tokenizer.TryGetControlToken(piece, out token);

        public bool IsControl(int token) => base.Tokenizer.IsControl(token);

        public ReadOnlyMemory<byte> Piece(int token)
        {
            if (Thread.CurrentThread == _loop) PiecesOnLoop++;
            return token == FakeTokenizer.FirstByte + 'x' ? _x : base.Tokenizer.Piece(token);
        }
    }
}
