using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Tools;
using Gemma3Server.Runtime.LlamaCpp;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Gemma3Server.Benchmarks;

/// <summary>
/// What constrained streams cost beside free ones: all kinds in turn within each round, by the clock, by processor time, which other users of a
/// machine disturb less, and by what the model had to compute, which nobody disturbs.
/// </summary>
internal static class ConstrainedStreams
{
    private const int Streams = 16;
    private const int Tokens = 96;
    private const int WarmUpTokens = 24;

    private const string Fields = """
        {"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},
        "tags":{"type":"array","items":{"type":"string"}},"kind":{"enum":["person","company","other"]}},
        "required":["name","age","tags","kind"],"additionalProperties":false}
        """;

    // None of them can end before its tokens are spent, so that all streams run from the beginning to the end.
    private static readonly (string Name, GrammarDefinition? Grammar)[] Kinds =
    [
        ("free", null),
        ("JSON schema", new(GrammarKind.JsonSchema, $"{{\"type\":\"array\",\"minItems\":90,\"items\":{Fields}}}")),
        ("bounded strings", new(GrammarKind.JsonSchema, """{"type":"array","minItems":90,"items":{"type":"string","minLength":10,"maxLength":80}}""")),
        ("regex", new(GrammarKind.Regex, "([a-z]{1,12} ){80,}")),
        ("tools asleep", new ToolCallGrammar { Tools = [new("weather", Fields), new("add_note", Fields)] }.ToDefinition()),
    ];

    public static async Task RunAsync(string model, int rounds, FileInfo? json)
    {
        CountedRuntime? runtime = null;
        await using var engine = new InferenceEngine(
            () => runtime = new(LlamaCppRuntime.Load(new() { ModelPath = model, Parallel = Streams, ContextLength = 512 }, NullLoggerFactory.Instance)),
            new() { QueueLimit = Streams }, TimeProvider.System, NullLogger<InferenceEngine>.Instance);
        await engine.Ready;
        foreach (var (_, grammar) in Kinds) await MeasureAsync(engine, runtime!, grammar, WarmUpTokens);
        var runs = Kinds.Select(_ => new List<Run>()).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            // Odd rounds run in the reverse order, so that a machine that becomes slower or faster favours no kind.
            foreach (var k in round % 2 == 0 ? Enumerable.Range(0, Kinds.Length) : Enumerable.Range(0, Kinds.Length).Reverse())
                runs[k].Add(await MeasureAsync(engine, runtime!, Kinds[k].Grammar, Tokens));
        }

        Print(runs);
        if (json is not null) Write(json, model, runs);
    }

    private static async Task<Run> MeasureAsync(InferenceEngine engine, CountedRuntime runtime, GrammarDefinition? grammar, int tokens)
    {
        while (engine.Statistics.Running > 0) await Task.Delay(1);
        GC.Collect(); // no kind shall pay for another's garbage
        var (steps, rows, logits, passes, library) = (runtime.Steps, runtime.Rows, runtime.LogitsRows, runtime.Passes, runtime.Time);
        var (processor, watch) = (Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
        var counts = await Task.WhenAll(Enumerable.Range(0, Streams).Select(i => Task.Run(() => StreamAsync(engine, grammar, i, tokens))));
        return new(
            counts.Sum(), watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalSeconds, (runtime.Time - library).TotalSeconds,
            runtime.Steps - steps, runtime.Passes - passes, runtime.Rows - rows, runtime.LogitsRows - logits);
    }

    private static async Task<int> StreamAsync(InferenceEngine engine, GrammarDefinition? grammar, int stream, int tokens)
    {
        var admission = engine.Generate(
            new()
            {
                Id = "bench",
                PromptTokens = [2, 500 + stream],
                MaxTokens = tokens,
                IgnoreEndOfGeneration = true,
                ReusePrefix = false,
                Sampling = new() { Seed = (ulong)stream },
                Grammar = grammar,
            },
            default);
        await foreach (var item in admission.Events!)
        {
            if (item is GenerationEvent.Finished finished) return finished.CompletionTokens;
        }

        throw new InvalidOperationException("A stream failed.");
    }

    private static void Print(List<Run>[] runs)
    {
        var speed = new Table().AddColumns($"{Streams} streams of {Tokens} tokens", "tok/s", "of free", "by round", "of free, by processor time", "by round");
        var work = new Table().AddColumns("for 1000 tokens", "steps", "passes over the weights", "rows", "with logits", "ms in the library", "processor ms");
        for (var k = 0; k < runs.Length; k++)
        {
            var (rates, efficiencies) = (Ratios(runs, k, run => run.Rate), Ratios(runs, k, run => run.Efficiency));
            speed.AddRow(
                Kinds[k].Name, Text(runs[k].Select(run => run.Rate).Median()),
                Text(rates.Median(), 2), string.Join(" ", rates.Select(ratio => Text(ratio, 2))),
                Text(efficiencies.Median(), 2), string.Join(" ", efficiencies.Select(ratio => Text(ratio, 2))));
            work.AddRow(
                Kinds[k].Name, Text(PerThousand(runs[k], run => run.Steps), 1), Text(PerThousand(runs[k], run => run.Passes), 1),
                Text(PerThousand(runs[k], run => run.Rows)), Text(PerThousand(runs[k], run => run.LogitsRows)),
                Text(1000 * PerThousand(runs[k], run => run.Library)), Text(1000 * PerThousand(runs[k], run => run.Processor)));
        }

        AnsiConsole.Write(speed);
        AnsiConsole.Write(work);
    }

    private static void Write(FileInfo file, string model, List<Run>[] runs)
    {
        var kinds = runs.Select((all, k) => (JsonNode?)new JsonObject
        {
            ["name"] = Kinds[k].Name,
            ["ofFree"] = Ratios(runs, k, run => run.Rate).Median(),
            ["ofFreeByProcessorTime"] = Ratios(runs, k, run => run.Efficiency).Median(),
            ["rounds"] = JsonSerializer.SerializeToNode(all),
        });
        file.Directory?.Create();
        File.WriteAllText(file.FullName, new JsonObject { ["model"] = model, ["streams"] = Streams, ["kinds"] = new JsonArray([.. kinds]) }.ToJsonString() + "\n");
    }

    private static List<double> Ratios(List<Run>[] runs, int kind, Func<Run, double> value) =>
        [.. runs[kind].Select((run, round) => value(run) / value(runs[0][round]))];

    private static double PerThousand(List<Run> runs, Func<Run, double> value) => 1000 * runs.Select(run => value(run) / run.Tokens).Median();

    private static string Text(double value, int decimals = 0) => value.ToString($"F{decimals}", CultureInfo.InvariantCulture);

    /// <summary>One kind in one round; times in seconds.</summary>
    private sealed record Run(int Tokens, double Seconds, double Processor, double Library, int Steps, int Passes, int Rows, int LogitsRows)
    {
        public double Rate => Tokens / Seconds;

        public double Efficiency => Tokens / Processor;
    }
}
