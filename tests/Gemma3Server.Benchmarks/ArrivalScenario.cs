using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Spectre.Console;

namespace Gemma3Server.Benchmarks;

/// <summary>Streams that run while long prompts arrive one after the other: the budget by turns on and off, in one run.</summary>
internal static class ArrivalScenario
{
    private const int Rounds = 3;

    /// <summary>Prompts of one round.</summary>
    private const int Arrivals = 2;

    /// <summary>Tokens of each stream before the prompts arrive.</summary>
    private const int Quiet = 40;

    /// <summary>Tokens of each stream, so that both settings do the same work; the streams outlive the prompts.</summary>
    private const int StreamTokens = 240;

    public static async Task<int> RunAsync(string model, int streams, int promptTokens)
    {
        await using var on = await StartAsync(model, streams, adaptive: true);
        await using var off = await StartAsync(model, streams, adaptive: false);
        var table = new Table().AddColumns("budget", "quiet gap p50 ms", "gap p50", "gap p99", "gap max", "prompt ms", "all work tok/s");
        var all = new[] { new Result(), new Result() };
        for (var round = 0; round < Rounds; round++)
        {
            AnsiConsole.WriteLine($"round {round + 1} of {Rounds}");
            await RoundAsync(on, streams, promptTokens, all[0]);
            await RoundAsync(off, streams, promptTokens, all[1]);
        }

        table.AddRow(["on", .. all[0].Cells()]);
        table.AddRow(["off", .. all[1].Cells()]);
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"on / off: gap p99 {all[0].Gaps.Quantile(0.99) / all[1].Gaps.Quantile(0.99):0.00}, throughput {all[0].Rate / all[1].Rate:0.00}, "
            + $"prompt {all[0].Prompts.Median() / all[1].Prompts.Median():0.00}"));
        return 0;
    }

    private static async Task<LocalServer> StartAsync(string model, int streams, bool adaptive)
    {
        var configuration = ServerConfiguration.Create(null, [], [
            new("Gemma3:Model:Path", model), new("Gemma3:Runtime:Parallel", $"{streams + 1}"), new("Gemma3:Runtime:ContextLength", "8192"),
            new("Gemma3:Engine:AdaptiveBudget", $"{adaptive}"), new("Serilog:MinimumLevel:Default", "Warning"),
        ]);
        var (options, _) = SettingsReader.Read(configuration);
        return await LocalServer.StartAsync(options, configuration, default);
    }

    private static async Task RoundAsync(LocalServer server, int streams, int promptTokens, Result result)
    {
        var gaps = new ConcurrentQueue<double>();
        Task[] readers = [.. Enumerable.Range(0, streams).Select(i => Task.Run(() => ReadAsync(server.Engine, [2, 500 + i], StreamTokens, gaps)))];
        var begin = server.Engine.Statistics.CompletionTokens + (Quiet * streams);
        while (server.Engine.Statistics.CompletionTokens < begin) await Task.Delay(1);
        result.Quiet.AddRange(gaps);
        gaps.Clear();

        var before = server.Engine.Statistics;
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < Arrivals; i++)
        {
            var started = watch.Elapsed.TotalMilliseconds;
            int[] prompt = [2, .. Enumerable.Range(0, promptTokens - 1).Select(k => 1000 + ((k * 7919 + i) % 5000))];
            await ReadAsync(server.Engine, prompt, 1, []);
            result.Prompts.Add(watch.Elapsed.TotalMilliseconds - started);
        }

        result.Gaps.AddRange(gaps);
        await Task.WhenAll(readers);
        result.Seconds += watch.Elapsed.TotalSeconds;
        var after = server.Engine.Statistics;
        result.Tokens += after.PromptTokens - before.PromptTokens + after.CompletionTokens - before.CompletionTokens;
    }

    private static async Task ReadAsync(InferenceEngine engine, int[] prompt, int tokens, ConcurrentQueue<double> gaps)
    {
        var admission = engine.Generate(
            new()
            {
                Id = "bench",
                PromptTokens = prompt,
                MaxTokens = tokens,
                IgnoreEndOfGeneration = true,
                ReusePrefix = false,
                Sampling = new() { Temperature = 0 },
            },
            default);
        var last = 0L;
        await foreach (var item in admission.Events!)
        {
            if (item is not GenerationEvent.Text) continue;
            var now = Stopwatch.GetTimestamp();
            if (last != 0) gaps.Enqueue(Stopwatch.GetElapsedTime(last, now).TotalMilliseconds);
            last = now;
        }
    }

    private sealed class Result
    {
        public List<double> Quiet { get; } = [];

        public List<double> Gaps { get; } = [];

        public List<double> Prompts { get; } = [];

        public double Seconds { get; set; }

        public long Tokens { get; set; }

        public double Rate => Tokens / Seconds;

        public IEnumerable<string> Cells() =>
            new[] { Quiet.Median(), Gaps.Median(), Gaps.Quantile(0.99), Gaps.Max(), Prompts.Median(), Rate }
                .Select(v => v.ToString("0.0", CultureInfo.InvariantCulture));
    }
}
