using System.Text;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Tools;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.EndToEndTests;

/// <summary>Constrained sequences on the real library: drafts do not change them, and they do not change their neighbours.</summary>
public sealed class ConstrainedTests
{
    private const int Tokens = 200;

    private const string City = """
        {"type":"object","properties":{"city name":{"type":"string","maxLength":12},"country":{"enum":["the Republic of France","the Kingdom of Spain"]},
        "population in thousands":{"type":"integer","minimum":0,"maximum":9999}},"required":["city name","country","population in thousands"],"additionalProperties":false}
        """;

    private static readonly GrammarDefinition[] Grammars =
    [
        new(GrammarKind.JsonSchema, $"{{\"type\":\"array\",\"items\":{City},\"minItems\":3,\"maxItems\":4}}"),
        new(GrammarKind.Regex, "(The (capital|river|mountain) of [A-Z][a-z]{2,9} is called [A-Z][a-z]{2,9}\\. ){3}"),
        new(GrammarKind.Choice, """["the one and only text that may be","the one and only text that might be"]"""),
        new ToolCallGrammar { Tools = [new("add_city", City), new("add_country", "")], Required = true }.ToDefinition(),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>
    /// With its text as its prediction a sequence passes places where the grammar forces text, in the midst of a draft; the tokens are the same
    /// there as without a draft, where they are appended, and so is everything behind them.
    /// </summary>
    [Fact]
    public async Task Generate_ConstrainedWithDrafts_SameTextAsWithout()
    {
        Assert.SkipUnless(TestLibrary.IsBatchInvariant, "A GPU rounds by the number of rows, so that near-ties turn.");
        Ask[] asks =
        [
            .. from sampling in (SamplingParameters[])[new() { Temperature = 0 }, new() { Seed = 3 }, new() { Seed = 4, Temperature = 2, TopK = 0, TopP = 1 }]
               from grammar in Grammars
               select new Ask("Name some cities.", sampling, grammar),
        ];
        var (plain, none) = await RunAsync(SpeculationMode.Off, [asks]);
        var (lookup, found) = await RunAsync(SpeculationMode.Lookup, [asks]);
        Assert.Equal(plain[0], lookup[0]);
        var (predicted, held) = await RunAsync(SpeculationMode.Lookup, [[.. asks.Zip(plain[0], (ask, text) => ask with { Prediction = WithMistake(text) })]]);
        Assert.Equal(plain[0], predicted[0]);

        // All of the predictions but what comes behind a mistake hold; otherwise the test would show little.
        Assert.True(held.AcceptedDraftTokens > 100 && found.AcceptedDraftTokens > 100 && held.Steps < none.Steps, $"{none}\n{found}\n{held}");
    }

    [Fact]
    public async Task Generate_FreeBesideConstrained_SameTextsAsAmongThemselvesAndAlone()
    {
        Assert.SkipUnless(TestLibrary.IsBatchInvariant, "A GPU rounds by the number of rows, so that near-ties turn.");
        Ask[] free =
        [
            new("What is the capital of France?", new() { Temperature = 0 }, null),
            new("Tell me a story.", new() { Seed = 1 }, null),
            new("Tell me a story.", new() { Seed = 2, Temperature = 1.5f }, null),
        ];
        var constrained = Grammars.Select((grammar, i) => new Ask("Name some cities.", new() { Seed = (ulong)i }, grammar));
        var (texts, _) = await RunAsync(
            SpeculationMode.Auto, [free, [.. free.Zip(constrained.Skip(1)).SelectMany(pair => new[] { pair.Second, pair.First })], [free[0]], [free[1]], [free[2]]]);
        Assert.Equal(texts[0], texts[1].Where((_, i) => i % 2 == 1));
        Assert.Equal(texts[0], texts[2..].Select(alone => alone[0]));
        Assert.All(texts[0], text => Assert.NotEmpty(text));
    }

    /// <summary>The texts of some groups; those of a group run together.</summary>
    private static async Task<(string[][] Texts, EngineStatistics Statistics)> RunAsync(SpeculationMode mode, Ask[][] groups)
    {
        RecordingRuntime? recorder = null;
        var options = new LlamaCppOptions
        {
            LibraryDirectory = TestLibrary.Directory,
            ModelPath = EmbeddedModel.Path,
            ContextLength = 512,
            Parallel = 6,
            LogitsRows = 70,
            Threads = 1,
        };
        await using var engine = new InferenceEngine(
            stopped => recorder = new(LlamaCppRuntime.Load(options, NullLoggerFactory.Instance, stopped)),
            new EngineOptions { Speculation = mode },
            new ForwardClock(() => recorder),
            NullLogger<InferenceEngine>.Instance);
        await engine.Ready;
        var texts = new List<string[]>();
        foreach (var group in groups)
        {
            texts.Add(await Task.WhenAll(engine.GenerateAll([.. group.Select(ask => Request(ask, engine))], Cancellation).Select(ReadAsync)));
            await engine.CheckIntegrityAsync();
        }

        return ([.. texts], engine.Statistics);
    }

    private static GenerationRequest Request(Ask ask, InferenceEngine engine)
    {
        var tokenizer = engine.Tokenizer!;
        int Control(string piece) => tokenizer.TryGetControlToken(piece, out var token) ? token : throw new InvalidOperationException(piece);
        return new()
        {
            Id = "e2e",
            PromptTokens =
            [
                tokenizer.BeginOfSequence, Control("<start_of_turn>"), .. tokenizer.Tokenize("user\n" + ask.Prompt), Control("<end_of_turn>"),
                .. tokenizer.Tokenize("\n"), Control("<start_of_turn>"), .. tokenizer.Tokenize("model\n"),
            ],
            MaxTokens = Tokens,
            IgnoreEndOfGeneration = ask.Grammar is null,
            Sampling = ask.Sampling,
            Grammar = ask.Grammar,
            ReusePrefix = false,
            PredictedTokens = ask.Prediction is null ? [] : tokenizer.Tokenize(ask.Prediction),
        };
    }

    private static string WithMistake(string text) => $"{text[..(text.Length / 2)]}?{text[(text.Length / 2)..]}";

    private static async Task<string> ReadAsync(GenerationAdmission admission)
    {
        Assert.True(admission.Admitted, admission.Refusal?.Message);
        var text = new StringBuilder();
        await foreach (var item in admission.Events.WithCancellation(Cancellation))
        {
            Assert.IsNotType<GenerationEvent.Failed>(item);
            if (item is GenerationEvent.Text part) text.Append(part.Value);
        }

        return text.ToString();
    }

    private sealed record Ask(string Prompt, SamplingParameters Sampling, GrammarDefinition? Grammar, string? Prediction = null);
}
