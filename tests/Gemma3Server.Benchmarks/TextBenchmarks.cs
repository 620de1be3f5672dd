using System.Text;
using System.Threading.Channels;
using BenchmarkDotNet.Attributes;
using Gemma3Server.Engine.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Benchmarks;

/// <summary>
/// The text side of one token. The engine's loop posts it and, where there are stop strings, watches for them; the reader, on another thread, makes
/// text of it. All that the loop did when it made the text itself is the post and the text together.
/// </summary>
[MemoryDiagnoser]
public class TextBenchmarks
{
    private const int Tokens = 1000;

    private readonly int[] _tokens = [.. Enumerable.Range(0, Tokens)];
    private readonly WordTokenizer _tokenizer = new();
    private readonly Channel<Emission> _channel = Channel.CreateUnbounded<Emission>(
        new() { SingleReader = true, SingleWriter = true, AllowSynchronousContinuations = false });

    private StopStringWatch _watch = null!;
    private GenerationText _text = null!;

    /// <summary>Stop strings as they are usual; one that begins like every third word; one that begins like every word.</summary>
    [Params("\n\nUser:,<|end|>,###", "river bank", " river bank")]
    public string Stop { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var stops = Stop.Split(',');
        _watch = new(stops, _tokenizer);
        _text = new(new() { Id = "benchmark", PromptTokens = [2], MaxTokens = int.MaxValue, Stop = stops }, _tokenizer);
    }

    [Benchmark(OperationsPerInvoke = Tokens)]
    public int LoopPosts()
    {
        var read = 0;
        foreach (var token in _tokens)
        {
            _channel.Writer.TryWrite(new(token, false, null, null));
            if (_channel.Reader.TryRead(out var emission)) read += emission.Token;
        }

        return read;
    }

    [Benchmark(OperationsPerInvoke = Tokens)]
    public int LoopWatches()
    {
        var met = 0;
        foreach (var token in _tokens) met += _watch.Append(token, mayStop: true) ? 1 : 0;
        return met;
    }

    [Benchmark(OperationsPerInvoke = Tokens, Baseline = true)]
    public int ReaderMakesText()
    {
        var length = 0;
        foreach (var token in _tokens)
        {
            _text.Append(token, logProbs: null);
            length += _text.Release()?.Value.Length ?? 0;
        }

        return length;
    }

    /// <summary>A thousand words of the lengths that English pieces have, each with the space before it, none of which ends like the stop strings.</summary>
    private sealed class WordTokenizer : ITokenizer
    {
        private readonly byte[][] _pieces = new byte[Tokens][];

        public WordTokenizer()
        {
            var random = new Random(1);
            for (var i = 0; i < Tokens; i++) _pieces[i] = Encoding.UTF8.GetBytes(" " + new string([.. Enumerable.Range(0, random.Next(2, 9)).Select(_ => "etaoinsrhl"[random.Next(10)])]));
        }

        public int VocabularySize => Tokens;

        public int BeginOfSequence => 0;

        public IReadOnlyList<int> EndOfGeneration => [];

        public int LongestPiece => 9;

        public int[] Tokenize(string text) => throw new NotSupportedException();

        public bool TryGetControlToken(string piece, out int token) => throw new NotSupportedException();

        public bool IsControl(int token) => false;

        public ReadOnlyMemory<byte> Piece(int token) => _pieces[token];
    }
}
