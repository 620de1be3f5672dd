using System.Text;
using Gemma3Pocket.Curriculum;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.EndToEndTests;

/// <summary>Drafts on the real library: the same text as without, up to near-ties, for several rows of a sequence may round otherwise than one.</summary>
public sealed class SpeculationTests
{
    private const int Tokens = 160;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Four streams that copy and then repeat themselves, each with its answer of a first run as its prediction, greedily and seeded.</summary>
    [Theory]
    [InlineData("pocket", false, false)]
    [InlineData("pocket", true, false)]
    [InlineData("pocket", false, true)]
    [InlineData("tiny", false, false)]
    [InlineData("tiny", true, false)]
    public async Task Generate_WithDrafts_SameTextAsWithoutUpToNearTies(string shape, bool sharedCells, bool draftModel)
    {
        var prompts = new List<int[]>();
        var plain = await RunAsync(shape, sharedCells, SpeculationMode.Off, false, prompts, null);
        var drafted = await RunAsync(shape, sharedCells, draftModel ? SpeculationMode.Draft : SpeculationMode.Auto, draftModel, prompts, draftModel ? null : plain.Texts);

        var name = $"{shape}, shared cells {sharedCells}, draft model {draftModel}";
        var ties = 0;
        for (var i = 0; i < prompts.Count; i++)
        {
            var traces = (plain.Recorder.Trace(prompts[i], Tokens), drafted.Recorder.Trace(prompts[i], Tokens));
            var (at, _) = ReferenceTests.Compare($"{name}, prompt {i}", traces.Item1, traces.Item2);
            if (at < Tokens) ties++;
            else Assert.Equal(plain.Texts[i], drafted.Texts[i]);
        }

        // Whatever the temperature, a seeded choice turns only where rounding moves a draw across a bound.
        var seeded = Enumerable.Range(prompts.Count, prompts.Count).Count(i => plain.Texts[i] != drafted.Texts[i]);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{name}: {ties} of {prompts.Count} greedy and {seeded} of {prompts.Count} seeded texts diverge; "
            + $"{drafted.Statistics.AcceptedDraftTokens} of {drafted.Statistics.DraftTokens} drafted tokens held, {drafted.Statistics.Steps} steps instead of {plain.Statistics.Steps}.");
        Assert.Equal(0, plain.Statistics.DraftTokens);
        if (!TestLibrary.IsBatchInvariant) return; // a random model's text leaves its prediction at the first near-tie

        // Where rounding lets the texts diverge, which depends on who ran beside whom, their predictions fail.
        Assert.True(drafted.Statistics.AcceptedDraftTokens > (sharedCells ? 30 : 100), $"{name}: {drafted.Statistics}");

        // With cells of its own a sequence is computed to the bit alike in one row or in several; in a shared pool sums run over other cells.
        if (!sharedCells) Assert.Equal(0, ties + seeded);
    }

    private static async Task<(List<string> Texts, EngineStatistics Statistics, RecordingRuntime Recorder)> RunAsync(
        string shape, bool sharedCells, SpeculationMode mode, bool draftModel, List<int[]> prompts, List<string>? predictions)
    {
        var options = new LlamaCppOptions
        {
            LibraryDirectory = TestLibrary.Directory,
            ModelPath = shape == "pocket" ? EmbeddedModel.Path : Checkpoints.Path(shape),
            ContextLength = 1024,
            Parallel = 4,
            LogitsRows = 68,
            Threads = 1,
            SharedCells = sharedCells,
        };
        RecordingRuntime? recorder = null;
        Func<IModelRuntime, CancellationToken, IModelRuntime?>? draft = draftModel
            ? (_, stopped) => LlamaCppRuntime.Load(options with { LogitsRows = 0 }, NullLoggerFactory.Instance, stopped)
            : null;
        await using var engine = new InferenceEngine(
            stopped => recorder = new(LlamaCppRuntime.Load(options, NullLoggerFactory.Instance, stopped)),
            new EngineOptions { Speculation = mode },
            new ForwardClock(() => recorder),
            NullLogger<InferenceEngine>.Instance,
            draft);
        await engine.Ready;
        if (prompts.Count == 0) prompts.AddRange(Prompts(engine.Tokenizer!));
        var texts = new List<string>();
        foreach (var sampling in (SamplingParameters[])[new() { Temperature = 0 }, new() { Seed = 3 }])
        {
            var offset = texts.Count;
            texts.AddRange(await Task.WhenAll(prompts.Select(
                (prompt, i) => GenerateAsync(engine, prompt, sampling, predictions is null ? [] : engine.Tokenizer!.Tokenize(predictions[offset + i])))));
        }

        await engine.CheckIntegrityAsync();
        return (texts, engine.Statistics, recorder!);
    }

    private static async Task<string> GenerateAsync(InferenceEngine engine, int[] prompt, SamplingParameters sampling, int[] predicted)
    {
        var admission = engine.Generate(
            new GenerationRequest
            {
                Id = "e2e",
                PromptTokens = prompt,
                MaxTokens = Tokens,
                IgnoreEndOfGeneration = true,
                Sampling = sampling,
                PredictedTokens = predicted,
            },
            Cancellation);
        Assert.True(admission.Admitted, admission.Refusal?.Message);
        var text = new StringBuilder();
        await foreach (var item in admission.Events.WithCancellation(Cancellation))
        {
            if (item is GenerationEvent.Text part) text.Append(part.Value);
        }

        return text.ToString();
    }

    private static List<int[]> Prompts(ITokenizer tokenizer)
    {
        var generator = new CurriculumGenerator(seed: 5, LessonSplit.HeldOut);
        return [.. Enumerable.Range(0, 4).Select(_ => generator.Next(Skill.Copy).Turns[0].Text).Select(text =>
        {
            int Control(string piece) => tokenizer.TryGetControlToken(piece, out var token) ? token : tokenizer.BeginOfSequence;
            return (int[])[tokenizer.BeginOfSequence, Control("<start_of_turn>"), .. tokenizer.Tokenize("user\n" + text), Control("<end_of_turn>"),
                .. tokenizer.Tokenize("\n"), Control("<start_of_turn>"), .. tokenizer.Tokenize("model\n")];
        })];
    }
}
