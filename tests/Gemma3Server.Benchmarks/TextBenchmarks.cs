using System.Text;
using BenchmarkDotNet.Attributes;
using Gemma3Server.Engine.Text;

namespace Gemma3Server.Benchmarks;

/// <summary>The text side of one token, which runs on the engine's loop: bytes to characters, the watch for stop strings, the event for the reader.</summary>
[MemoryDiagnoser]
public class TextBenchmarks
{
    private readonly byte[] _piece = Encoding.UTF8.GetBytes("▁river"[1..]);
    private readonly Detokenizer _detokenizer = new();
    private readonly StopStringMatcher _matcher = new(["\n\nUser:", "<|end|>", "###", "river bank"]);

    private readonly GenerationOutput _output = new(["\n\nUser:", "<|end|>", "###", "river bank"]);

    [Benchmark]
    public bool TokenToEvent()
    {
        _output.Append(_piece);
        _output.Release(1);
        return _output.Events.TryRead(out _);
    }

    [Benchmark]
    public int DetokenizeAndMatch()
    {
        _matcher.Append(_detokenizer.Append(_piece));
        var length = _matcher.Releasable.Length;
        _matcher.Take();
        return length;
    }
}
