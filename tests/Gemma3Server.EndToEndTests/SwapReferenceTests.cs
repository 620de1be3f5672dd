using System.Text;
using Gemma3Server.EndToEndTests.Pocket;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.EndToEndTests;

/// <summary>More streams than shared cells, on the real library: who gives way goes on where it was, and no client hears of it.</summary>
public sealed class SwapReferenceTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>
    /// With host memory states are brought back, without it they are computed again. Every token that the crowded server chose is held
    /// against a fresh computation of the same text so far, so that what comes after a swap is seen whatever near-ties came before.
    /// </summary>
    [Theory]
    [InlineData("tiny", true, 10, 100, 90, 1024)]
    [InlineData("tiny", false, 10, 100, 90, 1024)]
    [InlineData("270m", true, 4, 60, 40, 256)]
    public async Task Greedy_TooFewCells_EveryTokenIsThatOfAFreshComputation(string shape, bool hostMemory, int streams, int promptTokens, int tokens, int cells)
    {
        RecordingRuntime? recorder = null;
        var path = Checkpoints.Path(shape);
        await using var engine = Start(path, streams, cells, hostMemory, runtime => recorder = runtime);
        await engine.Ready;
        var prompts = Enumerable.Range(0, streams).Select(i => Prompt(engine, i, promptTokens)).ToArray();
        await TogetherAsync(recorder!, [.. prompts.Select(prompt => (Func<Task<string>>)(() => GenerateAsync(engine, prompt, tokens)))]);
        var statistics = engine.Statistics;
        await engine.CheckIntegrityAsync();

        Assert.True(statistics.Preempted >= 2, $"only {statistics.Preempted} had to give way");
        Assert.Equal(hostMemory, statistics.Swapped > 0); // now and then what was computed is cheaper to compute again
        using var fresh = LlamaCppRuntime.Load(Options(path, 1, 0) with { LogitsRows = 64 }, NullLoggerFactory.Instance, Cancellation);
        var (furthest, ties) = (0f, 0);
        for (var i = 0; i < streams; i++)
        {
            var crowded = recorder!.Trace(prompts[i], tokens);
            Assert.Equal(tokens, crowded.Count);
            var expected = Compute(fresh, [.. prompts[i], .. crowded.Select(step => step.Winner)], promptTokens);
            for (var k = 0; k < tokens; k++)
            {
                // Each token alone, since all are computed on what the crowded server said before.
                furthest = Math.Max(furthest, ReferenceTests.Compare($"{shape}, stream {i}, token {k}", [expected[k]], [crowded[k]]).Distance);
                if (expected[k].Winner != crowded[k].Winner) ties++;
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{shape}: {statistics.Preempted} gave way, {statistics.Swapped} by way of host memory; {ties} near-ties among {streams * tokens} tokens, logits differ by up to {furthest:0.00}.");
    }

    /// <summary>
    /// The draws of each stream are those of one sampler that nothing interrupts, on the logits that the crowded server computed; and these
    /// are, up to rounding, the fresh ones.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Seeded_TooFewCells_EveryDrawIsThatOfAnUninterruptedSampler(bool hostMemory)
    {
        const int Streams = 16;
        const int Tokens = 60;
        RecordingRuntime? recorder = null;
        await using var engine = Start(PocketCard.ModelPath, Streams, cells: 256, hostMemory, runtime => recorder = runtime);
        await engine.Ready;
        var prompts = Enumerable.Range(0, Streams).Select(i => Prompt(engine, i, 20)).ToArray();
        var texts = await TogetherAsync(
            recorder!, [.. prompts.Select((prompt, i) => (Func<Task<string>>)(() => GenerateAsync(engine, prompt, Tokens, Seeded(i))))]);
        var statistics = engine.Statistics;

        Assert.True(statistics.Preempted >= Streams / 2, $"only {statistics.Preempted} had to give way");
        Assert.Equal(hostMemory, statistics.Swapped > 0);
        using var fresh = LlamaCppRuntime.Load(Options(PocketCard.ModelPath, 1, 0) with { LogitsRows = 64 }, NullLoggerFactory.Instance, Cancellation);
        var furthest = 0f;
        for (var i = 0; i < Streams; i++)
        {
            var sampler = new Sampler(Seeded(i), prompts[i]);
            var history = new List<int>(prompts[i]);
            var crowded = new List<TopLogits>();
            while (crowded.Count < Tokens)
            {
                var row = recorder!.LogitsAfter(history);
                Assert.True(row is not null, $"stream {i} left its seed's path before token {crowded.Count}");
                crowded.Add(TopLogits.Of(row));
                var token = sampler.Sample(row, new());
                sampler.Accept(token);
                history.Add(token);
            }

            Assert.Equal(Text(engine, history[prompts[i].Length..]), texts[i]);
            var expected = Compute(fresh, [.. history], prompts[i].Length);
            for (var k = 0; k < Tokens; k++) furthest = Math.Max(furthest, expected[k].Distance(crowded[k]));
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{statistics.Preempted} gave way, {statistics.Swapped} by way of host memory; logits differ by up to {furthest:0.00}.");
        Assert.True(furthest < 1.5f, $"the logits differ by {furthest}");
    }

    /// <summary>Lets nobody begin before all have arrived, however slow the machine.</summary>
    private static async Task<string[]> TogetherAsync(RecordingRuntime recorder, Func<Task<string>>[] requests)
    {
        using var gate = new StepGate();
        recorder.Gate = gate;
        Task<string>[] streams = [.. requests.Select(start => start())];
        gate.Open();
        return await Task.WhenAll(streams);
    }

    private static SamplingParameters Seeded(int stream) => new() { Temperature = 1, TopK = 64, TopP = 0.95f, FrequencyPenalty = 0.3f, Seed = (ulong)stream };

    /// <summary>The logits after each token from <paramref name="from"/> on, computed in one go.</summary>
    private static List<TopLogits> Compute(LlamaCppRuntime runtime, int[] tokens, int from)
    {
        var batch = new ForwardBatch();
        var logits = new List<TopLogits>();
        for (var position = 0; position < tokens.Length - 1;)
        {
            batch.Clear();
            for (; batch.Count < 64 && position < tokens.Length - 1; position++) batch.Add(tokens[position], position, 0, position >= from - 1);
            Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
            for (var row = 0; row < batch.Count; row++)
            {
                if (batch.WantLogits[row]) logits.Add(TopLogits.Of(runtime.Logits(row)));
            }
        }

        runtime.Release(0);
        return logits;
    }

    private static LlamaCppOptions Options(string path, int streams, int cells) => new()
    {
        LibraryDirectory = TestLibrary.Directory,
        ModelPath = path,
        ContextLength = 512,
        Parallel = streams,
        Threads = 1,
        SharedCells = cells > 0,
        SharedCellCount = cells,
    };

    private static InferenceEngine Start(string path, int streams, int cells, bool hostMemory, Action<RecordingRuntime> keep) => new(
        () =>
        {
            var recorder = new RecordingRuntime(LlamaCppRuntime.Load(Options(path, streams, cells), NullLoggerFactory.Instance)) { KeepsRows = path == PocketCard.ModelPath };
            keep(recorder);
            return recorder;
        },
        new EngineOptions { ReserveTokens = 0, AdaptiveBudget = false, PrefixReuse = false, HostCacheBytes = hostMemory ? 1L << 30 : 0 },
        TimeProvider.System,
        NullLogger<InferenceEngine>.Instance);

    private static int[] Prompt(InferenceEngine engine, int number, int tokens)
    {
        var text = string.Join(' ', Enumerable.Range(0, tokens).Select(i => $"{(i + (number * 31)) * 7919 % 1000} why is it so?"));
        return [engine.Tokenizer!.BeginOfSequence, .. engine.Tokenizer.Tokenize(text)[..(tokens - 1)]];
    }

    private static string Text(InferenceEngine engine, IEnumerable<int> tokens)
    {
        using var bytes = new MemoryStream();
        foreach (var token in tokens) bytes.Write(engine.Tokenizer!.Piece(token).Span);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    /// <summary>Generates so many tokens, greedily unless told otherwise, and returns their text.</summary>
    private static async Task<string> GenerateAsync(InferenceEngine engine, int[] prompt, int tokens, SamplingParameters? sampling = null)
    {
        var admission = engine.Generate(
            new GenerationRequest
            {
                Id = "e2e",
                PromptTokens = prompt,
                MaxTokens = tokens,
                IgnoreEndOfGeneration = true,
                Sampling = sampling ?? new() { Temperature = 0 },
            },
            Cancellation);
        Assert.True(admission.Admitted, admission.Refusal?.Message);
        var text = "";
        GenerationEvent? last = null;
        await foreach (var item in admission.Events.WithCancellation(Cancellation))
        {
            last = item;
            if (item is GenerationEvent.Text next) text += next.Value;
        }

        Assert.IsType<GenerationEvent.Finished>(last);
        return text;
    }
}
