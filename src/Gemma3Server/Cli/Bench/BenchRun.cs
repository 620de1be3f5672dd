using Gemma3Server.Hosting;

namespace Gemma3Server.Cli.Bench;

/// <summary>Runs the measurements of a <see cref="BenchPlan"/>, the compared ones in turn within each round, so that a slow spell of the machine hits all.</summary>
internal static class BenchRun
{
    public const string Native = "native loop";
    public const string Engine = "engine";
    public const string Http = "HTTP";

    private const int WarmUpTokens = 8;

    /// <summary>Measures the native loop, the engine and HTTP in this process.</summary>
    public static async Task LocalAsync(
        LocalServer server, NativeBaseline native, BenchPlan plan, BenchReport report, BenchProgress progress,
        CancellationToken cancellationToken)
    {
        var client = new ChatCompletionsClient(server.Http);
        var model = await client.FirstModelAsync(cancellationToken);
        var tokenizer = server.Engine.Tokenizer!;
        foreach (var streams in plan.Streams)
        {
            // Round -1 warms up: it touches all weights and lets the JIT finish.
            for (var round = -1; round < plan.Rounds; round++)
            {
                var source = new BenchPrompts(round * 1000 + streams);
                string[] texts = [.. Enumerable.Range(0, streams).Select(_ => source.Next(plan.PromptTokens, tokenizer))];
                int[][] prompts = [.. texts.Select(text => BenchPrompts.Render(text, tokenizer))];
                var tokens = round < 0 ? WarmUpTokens : plan.Tokens;
                var measurements = new List<Func<Task<LoadResult>>>
                {
                    () => Task.Run(() => FromNative(native.Run(prompts, tokens), streams), cancellationToken),
                    () => EngineLoad.RunAsync(server.Engine, prompts, tokens, cancellationToken),
                    () => HttpLoad.RunAsync(client, model, texts, tokens, cancellationToken),
                };
                var order = Enumerable.Range(0, measurements.Count);
                foreach (var i in round % 2 == 0 ? order : order.Reverse())
                {
                    var path = i switch { 0 => Native, 1 => Engine, _ => Http };
                    progress.Say(Step(plan, streams, round, path));
                    var result = await measurements[i]();
                    if (round >= 0) report.Add(path, result);
                }
            }
        }
    }

    /// <summary>Runs as many streams as there are sequences, each with as much of a prompt as it holds, so that every buffer has been written to.</summary>
    public static async Task FillAsync(LocalServer server, BenchPlan plan, CancellationToken cancellationToken)
    {
        var (source, tokenizer, limits) = (new BenchPrompts(-1), server.Engine.Tokenizer!, server.Engine.Limits!);
        var length = Math.Min(limits.ContextLength - BenchPlan.Slack - WarmUpTokens, limits.MicroBatchTokens);
        int[][] prompts = [.. Enumerable.Range(0, plan.Streams[^1]).Select(_ => BenchPrompts.Render(source.Next(length, tokenizer), tokenizer))];
        await EngineLoad.RunAsync(server.Engine, prompts, WarmUpTokens, cancellationToken);
    }

    /// <summary>Measures a server that runs elsewhere.</summary>
    public static async Task RemoteAsync(
        ChatCompletionsClient client, string model, BenchPlan plan, BenchReport report, BenchProgress progress, CancellationToken cancellationToken)
    {
        foreach (var streams in plan.Streams)
        {
            for (var round = -1; round < plan.Rounds; round++)
            {
                var source = new BenchPrompts(round * 1000 + streams);
                string[] texts = [.. Enumerable.Range(0, streams).Select(_ => source.Next(plan.PromptTokens, null))];
                progress.Say(Step(plan, streams, round, Http));
                var result = await HttpLoad.RunAsync(client, model, texts, round < 0 ? WarmUpTokens : plan.Tokens, cancellationToken);
                if (round >= 0) report.Add(Http, result);
            }
        }
    }

    private static string Step(BenchPlan plan, int streams, int round, string path) =>
        $"{streams} {(streams == 1 ? "stream" : "streams")}, {path}, {(round < 0 ? "warm-up" : $"round {round + 1} of {plan.Rounds}")}";

    private static LoadResult FromNative(NativeBaseline.Result result, int streams) => new(streams, result.DecodeRate, [], []) { PrefillTokensPerSecond = result.PrefillRate };
}
