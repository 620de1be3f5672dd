using Gemma3Server.Engine;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.EndToEndTests;

/// <summary>Prefixes that come from other requests, on the real library: the same tokens as computed cold, up to near-ties.</summary>
public sealed class PrefixReferenceTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>One computes the shared part, the others wait for it and fork while the first runs on.</summary>
    [Theory]
    [InlineData("tiny", false, 700, 48)]
    [InlineData("tiny", true, 700, 48)]
    [InlineData("270m", false, 600, 6)]
    public async Task Greedy_ForkedFromRunningSequences_EqualsAFreshComputation(string shape, bool sharedCells, int shared, int tokens)
    {
        RecordingRuntime? recorder = null;
        await using var engine = Start(Options(shape) with { SharedCells = sharedCells }, runtime => recorder = runtime);
        await engine.Ready;
        var prompts = Enumerable.Range(0, 4).Select(i => Prompt(engine, shared, i, 30)).ToArray();
        using var gate = new StepGate();
        recorder!.Gate = gate; // until all have arrived: the first shall not end before
        Task<CacheExplanation>[] running = [.. prompts.Select(prompt => GenerateAsync(engine, prompt, tokens))];
        gate.Open();
        var caches = await Task.WhenAll(running);

        Assert.All(caches.Skip(1), cache => Assert.Equal(CacheSource.Fork, cache.Source));
        Assert.All(caches.Skip(1), cache => Assert.InRange(cache.ReusedTokens, shared - 16, shared + 30));
        await CompareAsync(engine, recorder!, prompts, tokens, $"{shape}, shared cells {sharedCells}");
    }

    /// <summary>
    /// The questions are longer than what a sliding-window layer keeps, so that only a checkpoint brings the system text back; or so short that one pool of
    /// cells may still have it, or may have given it to others.
    /// </summary>
    [Theory]
    [InlineData("tiny", 1, false, 700, 700, 24)]
    [InlineData("tiny", 4, false, 700, 700, 24)]
    [InlineData("tiny", 4, true, 700, 700, 24)]
    [InlineData("tiny", 4, true, 700, 360, 24)]
    [InlineData("270m", 4, false, 600, 1100, 4)]
    public async Task Greedy_SystemTextAndLongQuestions_ReusesTheSystemTextAndEqualsAFreshComputation(
        string shape, int parallel, bool sharedCells, int system, int question, int tokens)
    {
        RecordingRuntime? recorder = null;
        await using var engine = Start(Options(shape) with { Parallel = parallel, SharedCells = sharedCells }, runtime => recorder = runtime);
        await engine.Ready;
        var prompts = Enumerable.Range(0, 5).Select(i => Prompt(engine, system, i, question)).ToArray();
        var reused = new List<int>();
        foreach (var prompt in prompts) reused.Add((await GenerateAsync(engine, prompt, tokens, boundary: system)).ReusedTokens);

        Assert.Equal([0, system, system, system, system], reused);
        await CompareAsync(engine, recorder!, prompts, tokens, $"{shape}, system text, {parallel} ids");
    }

    [Theory]
    [InlineData("tiny", 700, 24)]
    [InlineData("270m", 600, 4)]
    public async Task Greedy_BroughtBackFromHostMemory_EqualsAFreshComputation(string shape, int length, int tokens)
    {
        RecordingRuntime? recorder = null;
        await using var engine = Start(Options(shape) with { Parallel = 1 }, runtime => recorder = runtime);
        await engine.Ready;
        var first = Prompt(engine, length, 0, 0);
        await GenerateAsync(engine, first, tokens);
        int[] next = [.. first, .. recorder!.Trace(first, tokens).Select(step => step.Winner), .. engine.Tokenizer!.Tokenize("And the river?")];
        await GenerateAsync(engine, Prompt(engine, 0, 5, length), tokens);

        var cache = await GenerateAsync(engine, next, tokens);

        Assert.Equal(CacheSource.Host, cache.Source);
        Assert.True(cache.ReusedTokens >= length, $"only {cache.ReusedTokens} tokens were reused");
        await CompareAsync(engine, recorder, [next], tokens, $"{shape}, host memory");
    }

    private static LlamaCppOptions Options(string shape) => new()
    {
        LibraryDirectory = TestLibrary.Directory,
        ModelPath = Checkpoints.Path(shape),
        ContextLength = 2048,
        Parallel = 4,
        Threads = 1,
    };

    private static InferenceEngine Start(LlamaCppOptions options, Action<RecordingRuntime> keep) => new(
        () =>
        {
            var recorder = new RecordingRuntime(LlamaCppRuntime.Load(options, NullLoggerFactory.Instance));
            keep(recorder);
            return recorder;
        },
        new EngineOptions(),
        TimeProvider.System,
        NullLogger<InferenceEngine>.Instance);

    /// <summary>Computes the prompts anew, one by one and without the cache, and compares.</summary>
    private static async Task CompareAsync(InferenceEngine engine, RecordingRuntime recorder, int[][] prompts, int tokens, string name)
    {
        var reused = prompts.Select(prompt => recorder.Trace(prompt, tokens)).ToArray();
        recorder.Forget();
        for (var i = 0; i < prompts.Length; i++)
        {
            await GenerateAsync(engine, prompts[i], tokens, reusePrefix: false);
            var (at, distance) = ReferenceTests.Compare($"{name}, prompt {i}", recorder.Trace(prompts[i], tokens), reused[i]);
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{name}, prompt {i}: {(at < tokens ? $"a near-tie at token {at}" : "the same tokens")}; logits differ by up to {distance:0.00}.");
        }
    }

    private static async Task<CacheExplanation> GenerateAsync(
        InferenceEngine engine, int[] prompt, int tokens, int? boundary = null, bool reusePrefix = true)
    {
        var admission = engine.Generate(
            new GenerationRequest
            {
                Id = "e2e",
                PromptTokens = prompt,
                MaxTokens = tokens,
                IgnoreEndOfGeneration = true,
                ReusePrefix = reusePrefix,
                CacheBoundaries = boundary is { } at ? [at] : [],
                Sampling = new SamplingParameters { Temperature = 0 },
            },
            Cancellation);
        Assert.True(admission.Admitted, admission.Refusal?.Message);
        GenerationEvent? last = null;
        CacheExplanation? cache = null;
        await foreach (var item in admission.Events.WithCancellation(Cancellation))
        {
            last = item;
            if (item is GenerationEvent.Started started) cache = started.Cache;
        }

        Assert.Equal(tokens, Assert.IsType<GenerationEvent.Finished>(last).CompletionTokens);
        return cache!;
    }

    /// <summary><paramref name="shared"/> tokens that all prompts have, then <paramref name="own"/> that differ from the first on.</summary>
    private static int[] Prompt(InferenceEngine engine, int shared, int number, int own)
    {
        var tokenizer = engine.Tokenizer!;
        int[] Words(int seed, int count) =>
            [.. tokenizer.Tokenize(string.Join(' ', Enumerable.Range(0, count).Select(i => $"{(i + seed) * 7919 % 1000} why is it so?")))[..count]];
        if (shared == 0) return [tokenizer.BeginOfSequence, .. Words(number + 40, own)];
        var first = tokenizer.Tokenize("abcdefgh"[number].ToString())[^1];
        return [tokenizer.BeginOfSequence, .. Words(0, shared - 1), .. own == 0 ? [] : (int[])[first, .. Words(number + 3, own - 1)]];
    }
}
