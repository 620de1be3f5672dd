using System.Diagnostics;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime.LlamaCpp.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Gemma3Server.Benchmarks;

/// <summary>
/// A token from Gemma's 262,144 logits: this server's sampler and llama.cpp's own chain, turn by turn in one process on one core, and the
/// rows of a step of 16 sequences on one core and on two.
/// </summary>
internal static class SamplerScenario
{
    /// <summary>Different rows, so that none is in a core's own cache when its turn comes, as after a forward pass.</summary>
    private const int Rows = 4;

    private const int StepRows = 16;
    private const int TableWidth = 150; // also where the output is no terminal
    private const int WarmUp = 20;
    private const int Turns = 120;

    /// <summary>Time for one case; slow chains get fewer turns.</summary>
    private const double SecondsPerCase = 3;

    public static int Run()
    {
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, TableWidth);
        var table = new Table().AddColumns("logits", "sampling", "ours median / best, us", "native median / best, us", "ratio of medians", "of best");
        (string Name, Func<int, float[]> Make)[] kinds = [("peaked", LogitRows.Peaked), ("flat", LogitRows.Flat)];
        foreach (var (kind, make) in kinds)
        {
            float[][] rows = [.. Enumerable.Range(0, Rows).Select(make)];
            foreach (var one in SamplerCase.All) AddCase(table, kind, one, rows);
            AddListing(table, kind, rows);
            AddLogProbs(table, kind, rows);
        }

        AnsiConsole.Write(table);
        AnsiConsole.Write(StepTable());
        return 0;
    }

    private static void AddCase(Table table, string kind, SamplerCase one, float[][] rows)
    {
        using var native = NativeSampler.Create(LogitRows.Vocabulary, one.Native, NullLoggerFactory.Instance);
        var scratch = new SamplerScratch();
        var ours = new Sampler(one.Ours, []);
        foreach (var token in SamplerCase.Accepted())
        {
            native.Accept(token);
            ours.Accept(token);
        }

        var turn = 0;
        Measure(
            () =>
            {
                ours.Accept(0); // the next draw; on penalties it counts like any token
                ours.Sample(rows[turn++ % Rows], scratch);
            },
            () => native.Sample(rows[turn % Rows]),
            out var ourTimes,
            out var nativeTimes);
        table.AddRow(
            kind, one.Name, Text(ourTimes), Text(nativeTimes), $"{ourTimes.Median() / nativeTimes.Median():0.000}", $"{ourTimes.Min() / nativeTimes.Min():0.000}");
    }

    private static void AddListing(Table table, string kind, float[][] rows)
    {
        using var native = NativeSampler.Create(LogitRows.Vocabulary, new(), NullLoggerFactory.Instance);
        var turn = 0;
        Measure(() => { }, () => native.List(rows[turn++ % Rows]), out _, out var times);
        table.AddRow(kind, "(listing the tokens: part of every native one)", "", Text(times), "", "");
    }

    private static void AddLogProbs(Table table, string kind, float[][] rows)
    {
        var scratch = new SamplerScratch();
        var top = new TokenLogProb[20];
        var turn = 0;
        Measure(() => LogProbs.Compute(rows[turn++ % Rows], 7, top, scratch), () => { }, out var times, out _);
        table.AddRow(kind, "(log-probabilities: chosen and top 20)", Text(times), "", "", "");
    }

    private static Table StepTable()
    {
        var table = new Table().AddColumns("step of 16 rows, peaked", "1 core median / best, us", "2 cores median / best, us", "ratio of medians", "of best");
        float[][] rows = [.. Enumerable.Range(0, StepRows).Select(LogitRows.Peaked)];
        foreach (var one in SamplerCase.All.Take(4))
        {
            using var runtime = new RowsRuntime(rows);
            var plan = new StepPlan();
            for (var i = 0; i < StepRows; i++)
            {
                var request = new Engine.GenerationRequest { Id = $"{i}", PromptTokens = [1], MaxTokens = 1, Sampling = one.Ours };
                plan.Add(new(request, runtime.Tokenizer, 4096) { Id = i }, 1);
            }

            var runner = new ModelRunner(runtime);
            runner.Run(plan);
            var (alone, together) = (new BatchSampler(StepRows, cores: 1), new BatchSampler(StepRows, cores: 2));
            Measure(() => alone.Sample(plan, runner), () => together.Sample(plan, runner), out var aloneTimes, out var togetherTimes);
            table.AddRow(
                one.Name, Text(aloneTimes), Text(togetherTimes), $"{togetherTimes.Median() / aloneTimes.Median():0.000}",
                $"{togetherTimes.Min() / aloneTimes.Min():0.000}");
        }

        return table;
    }

    private static void Measure(Action ours, Action native, out List<double> ourTimes, out List<double> nativeTimes)
    {
        for (var i = 0; i < WarmUp; i++)
        {
            ours();
            native();
        }

        (ourTimes, nativeTimes) = ([], []);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < Turns && watch.Elapsed.TotalSeconds < SecondsPerCase; i++)
        {
            ourTimes.Add(Microseconds(ours));
            nativeTimes.Add(Microseconds(native));
        }
    }

    private static double Microseconds(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    private static string Text(List<double> times) => $"{times.Median():0} / {times.Min():0}";
}
