using BenchmarkDotNet.Attributes;
using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Benchmarks;

/// <summary>One token from a row of Gemma's 262,144 logits, of which a few stand out as in text.</summary>
[MemoryDiagnoser]
public class SamplerBenchmarks
{
    private const int Vocabulary = 262_144;

    private readonly float[] _logits = new float[Vocabulary];
    private readonly SamplerScratch _scratch = new();
    private Sampler _sampler = null!;

    /// <summary>The parameters measured.</summary>
    [Params("greedy", "gemma", "gemma+penalties", "top_p only", "everything")]
    public string Parameters { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(42);
        for (var i = 0; i < Vocabulary; i++) _logits[i] = Normal(random) * 2f;
        for (var i = 0; i < 200; i++) _logits[random.Next(Vocabulary)] = 8f + (8f * random.NextSingle());
        int[] prompt = [.. Enumerable.Range(0, 512).Select(_ => random.Next(Vocabulary))];
        _sampler = new(
            Parameters switch
            {
                "greedy" => new() { Temperature = 0 },
                "gemma" => new() { Seed = 1 },
                "gemma+penalties" => new() { Seed = 1, RepeatPenalty = 1.1f, PresencePenalty = 0.5f, FrequencyPenalty = 0.5f },
                "top_p only" => new() { Seed = 1, TopK = 0 },
                _ => new() { Seed = 1, TopK = 0, TopP = 1 },
            },
            prompt);
    }

    [Benchmark]
    public int Sample() => _sampler.Sample(_logits, _scratch);

    private static float Normal(Random random) =>
        MathF.Sqrt(-2f * MathF.Log(1f - random.NextSingle())) * MathF.Cos(2f * MathF.PI * random.NextSingle());
}
