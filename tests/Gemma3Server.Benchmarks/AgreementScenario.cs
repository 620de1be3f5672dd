using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;

namespace Gemma3Server.Benchmarks;

/// <summary>
/// The same greedy requests to two servers of one checkpoint, such as one on a GPU and one on the CPU: how far their answers are the same, how
/// near the two candidates were where they part, and how much the log-probabilities differ until then.
/// </summary>
internal static class AgreementScenario
{
    private const int Prompts = 32;
    private const int Tokens = 64;

    public static async Task<int> RunAsync(string first, string second)
    {
        var words = new BenchPrompts(seed: 7);
        var found = new List<Agreement>();
        using var one = Connect(first);
        using var two = Connect(second);
        for (var i = 0; i < Prompts; i++)
        {
            var prompt = words.Next(16 + (16 * i), tokenizer: null);
            found.Add(Agreement.Of(await AnswerAsync(one, prompt), await AnswerAsync(two, prompt)));
        }

        var parted = found.Where(agreement => agreement.PartedAt is not null).ToArray();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Prompts} greedy answers of {Tokens} tokens: {Prompts - parted.Length} the same; log-probabilities differ by {found.Average(a => a.MeanDifference):0.0000} on average, {found.Max(a => a.LargestDifference):0.0000} at most"));
        foreach (var agreement in parted)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  parts at token {agreement.PartedAt}, where the two likeliest are {agreement.Gap:0.0000} apart"));
        }

        return 0;
    }

    private static HttpClient Connect(string url) => new() { BaseAddress = new Uri(url.TrimEnd('/') + "/"), Timeout = TimeSpan.FromMinutes(10) };

    private static async Task<List<(string Token, double Probability, double Gap)>> AnswerAsync(HttpClient http, string prompt)
    {
        var body = new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt }),
            ["max_tokens"] = Tokens,
            ["temperature"] = 0,
            ["logprobs"] = true,
            ["top_logprobs"] = 2,
        };
        var answer = new List<(string, double, double)>();
        await foreach (var chunk in new ChatCompletionsClient(http).StreamAsync(body, CancellationToken.None))
        {
            if (!chunk.TryGetProperty("choices", out var choices) || choices.GetArrayLength() == 0) continue;
            if (!choices[0].TryGetProperty("logprobs", out var logprobs) || logprobs.ValueKind != JsonValueKind.Object) continue;
            foreach (var token in logprobs.GetProperty("content").EnumerateArray())
            {
                var top = token.GetProperty("top_logprobs");
                answer.Add((
                    token.GetProperty("bytes").GetRawText(),
                    token.GetProperty("logprob").GetDouble(),
                    top[0].GetProperty("logprob").GetDouble() - top[1].GetProperty("logprob").GetDouble()));
            }
        }

        return answer;
    }

    /// <param name="PartedAt">Index of the first token that differs.</param>
    /// <param name="Gap">There, how far apart the two likeliest tokens of the first server are, in nats.</param>
    /// <param name="MeanDifference">Of the log-probabilities of the tokens before, in nats.</param>
    /// <param name="LargestDifference">The same.</param>
    private sealed record Agreement(int? PartedAt, double Gap, double MeanDifference, double LargestDifference)
    {
        public static Agreement Of(List<(string Token, double Probability, double Gap)> one, List<(string Token, double Probability, double Gap)> two)
        {
            var pairs = one.Zip(two).ToArray();
            var same = pairs.TakeWhile(pair => pair.First.Token == pair.Second.Token).Select(pair => Math.Abs(pair.First.Probability - pair.Second.Probability)).ToArray();
            var parted = same.Length < Math.Max(one.Count, two.Count);
            return new(parted ? same.Length : null, parted && same.Length < one.Count ? one[same.Length].Gap : 0, same.DefaultIfEmpty().Average(), same.DefaultIfEmpty().Max());
        }
    }
}
