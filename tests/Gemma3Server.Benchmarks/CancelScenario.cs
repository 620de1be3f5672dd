using System.Diagnostics;
using System.Text.Json.Nodes;
using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks;

/// <summary>Streams whose clients leave midway, all at once: how long until no sequence is busy.</summary>
internal static class CancelScenario
{
    private const int Rounds = 5;

    public static async Task<int> RunAsync(string model, int streams)
    {
        var configuration = ServerConfiguration.Create(null, [], [
            new("Gemma3:Model:Path", model), new("Gemma3:Runtime:Parallel", "16"), new("Gemma3:Runtime:ContextLength", "4096"),
            new("Serilog:MinimumLevel:Default", "Warning"),
        ]);
        var (options, _) = SettingsReader.Read(configuration);
        await using var server = await LocalServer.StartAsync(options, configuration, default);
        var seconds = new List<double>();
        for (var round = 0; round < Rounds; round++) seconds.Add(await RoundAsync(server, streams));

        Console.WriteLine($"{streams} streams, clients leave midway: no busy sequence after "
            + $"{seconds.Min() * 1000:0} / {seconds.Median() * 1000:0} / {seconds.Max() * 1000:0} ms (min / median / max of {Rounds} rounds)");
        return 0;
    }

    private static async Task<double> RoundAsync(LocalServer server, int streams)
    {
        using var gone = new CancellationTokenSource();
        var client = new ChatCompletionsClient(server.Http);
        var before = server.Engine.Statistics.CompletionTokens;
        Task[] readers = [.. Enumerable.Range(0, streams).Select(i => ReadAsync(client, i, gone.Token))];

        // Midway: all that can run at once do, and have some tokens behind them.
        var midway = before + (4 * Math.Min(streams, server.Engine.Limits!.MaxSequences));
        await UntilAsync(() => Busy(server) == streams && server.Engine.Statistics.CompletionTokens >= midway);

        var watch = Stopwatch.StartNew();
        await gone.CancelAsync();
        await UntilAsync(() => Busy(server) == 0);
        var elapsed = watch.Elapsed.TotalSeconds;
        await Task.WhenAll(readers);
        return elapsed;
    }

    private static int Busy(LocalServer server) => server.Engine.Statistics.Running + server.Engine.Statistics.Waiting;

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(1);
    }

    private static async Task ReadAsync(ChatCompletionsClient client, int index, CancellationToken cancellationToken)
    {
        var body = new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = $"Question {index}" }),
            ["max_tokens"] = 3000,
            ["ignore_eos"] = true,
        };
        try
        {
            await foreach (var _ in client.StreamAsync(body, cancellationToken))
            {
            }
        }
        catch (OperationCanceledException)
        {
            // The client leaves: that is the scenario.
        }
    }
}
