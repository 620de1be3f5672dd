using System.Text;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Text;

/// <summary>Whole generations whose tokens cut their text anywhere, against a plain reading of what stop strings mean.</summary>
public sealed class StopStringScenarioTests
{
    [Fact]
    public void Run_RandomPiecesAndStopStrings_EventsEqualThePlainReading()
    {
        var random = new Random(20261127);
        var ends = new Dictionary<string, int>();
        for (var round = 0; round < 1000; round++)
        {
            var tokenizer = new CutTokenizer(random);
            var palette = Enumerable.Range(0, random.Next(2, 20)).Select(_ => random.Next(12) == 0 ? FakeTokenizer.EndOfTurn : random.Next(512)).ToArray();
            var answers = Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, 60).Select(_ => palette[random.Next(palette.Length)]).ToArray()).ToArray();
            using var harness = new EngineHarness(new CutRuntime(tokenizer, tokens => tokens.Count - 2 < 60 ? answers[tokens[1]][tokens.Count - 2] : null));
            var sequences = answers.Select((answer, prompt) => harness.Submit(Any(random, prompt, Decode([.. answer.SelectMany(token => tokenizer.Piece(token).ToArray())], flush: true)))).ToArray();
            harness.RunToEnd();
            foreach (var sequence in sequences)
            {
                var tokens = sequence.Tokens[sequence.PromptLength..].ToArray();
                var expected = Read(sequence.Request, tokens, tokenizer);
                Assert.Equal(expected, sequence.Events()[1..]);
                var end = (GenerationEvent.Finished)expected[^1];
                var kind = end.StopString is null ? $"{end.Reason}" : end.StopString.Contains('\uFFFD', StringComparison.Ordinal) ? "broken text" : "stop string";
                ends[kind] = ends.GetValueOrDefault(kind) + 1;

                // Whoever goes on elsewhere from any of its tokens tells the rest of it.
                var emitted = random.Next(tokens.Length);
                var resumed = harness.Submit(sequence.Request with { EmittedTokens = tokens[..emitted] });
                harness.RunToEnd();
                Assert.Equal(
                    expected.Where(e => e is not GenerationEvent.Text text || text.Tokens > emitted),
                    resumed.Events()[1..]);
            }
        }

        // All ways to end have come about many times.
        Assert.Equal(["Length", "Stop", "broken text", "stop string"], ends.Keys.Order(StringComparer.Ordinal));
        Assert.All(ends.Values, count => Assert.True(count > 20));
    }

    private static GenerationRequest Any(Random random, int prompt, string answer)
    {
        var maxTokens = random.Next(1, 50);
        return new()
        {
            Id = $"r{prompt}",
            PromptTokens = [FakeTokenizer.Bos, prompt],
            MaxTokens = maxTokens,
            MinTokens = random.Next(3) == 0 ? random.Next(maxTokens + 1) : 0,
            Sampling = new() { Temperature = 0 },
            IgnoreEndOfGeneration = random.Next(2) == 0,
            Stop = random.Next(4) == 0 ? [] : [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => AnyStop(random, answer))],
        };
    }

    /// <summary>Some characters, or what stands somewhere in the answer; now and then without the half of a character.</summary>
    private static string AnyStop(Random random, string answer)
    {
        var stop = string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => CutTokenizer.Characters[random.Next(CutTokenizer.Characters.Length)]));
        if (random.Next(3) > 0 && answer.Length > 20) stop = answer.Substring(random.Next(answer.Length - 8), random.Next(1, 8));
        if (random.Next(8) == 0) return stop;
        if (stop.Length > 1 && char.IsLowSurrogate(stop[0])) stop = stop[1..];
        return stop.Length > 1 && char.IsHighSurrogate(stop[^1]) ? stop[..^1] : stop;
    }

    /// <summary>What a generation of these tokens tells, found by decoding and searching all of its text anew after each of them.</summary>
    private static List<GenerationEvent> Read(GenerationRequest request, int[] tokens, CutTokenizer tokenizer)
    {
        var events = new List<GenerationEvent>();
        var (bytes, shown, from) = (new List<byte>(), "", 0);
        for (var n = 1; ; n++)
        {
            var token = tokens[n - 1];
            if (!request.IgnoreEndOfGeneration && n > request.MinTokens && tokenizer.EndOfGeneration.Contains(token)) return End(n, FinishReason.Stop);
            bytes.AddRange(tokenizer.Piece(token).Span);
            var text = Decode(bytes, flush: false);
            if (n < request.MinTokens) from = text.Length;
            if (n == request.MaxTokens || Find(text) is not null) return End(n, FinishReason.Length);

            // A stop string may have begun; half a character is never shown.
            var held = request.Stop.SelectMany(stop => Enumerable.Range(1, stop.Length).Where(length => length <= text.Length - from && text.EndsWith(stop[..length], StringComparison.Ordinal)));
            Show(text[..^held.DefaultIfEmpty(0).Max()], n);
        }

        List<GenerationEvent> End(int n, FinishReason reason)
        {
            Assert.Equal(tokens.Length, n);
            var text = Decode(bytes, flush: Find(Decode(bytes, flush: false)) is null);
            var match = Find(text);
            Show(match is var (start, _) ? text[..start] : text, n);
            events.Add(new GenerationEvent.Finished(match is null ? reason : FinishReason.Stop, n, match?.Stop));
            return events;
        }

        void Show(string text, int n)
        {
            if (text.Length > 0 && char.IsHighSurrogate(text[^1])) text = text[..^1];
            if (text.Length <= shown.Length) return;
            events.Add(new GenerationEvent.Text(text[shown.Length..], n));
            shown = text;
        }

        (int Start, string Stop)? Find(string text)
        {
            for (var end = from + 1; end <= text.Length; end++)
            {
                var met = request.Stop.Where(stop => stop.Length <= end - from && text[..end].EndsWith(stop, StringComparison.Ordinal)).MaxBy(stop => stop.Length);
                if (met is not null) return (end - met.Length, met);
            }

            return null;
        }
    }

    private static string Decode(List<byte> bytes, bool flush)
    {
        var characters = new char[bytes.Count + 4];
        return new string(characters, 0, Encoding.UTF8.GetDecoder().GetChars(bytes.ToArray(), characters, flush));
    }

    private sealed class CutRuntime(ITokenizer tokenizer, Func<IReadOnlyList<int>, int?> next)
        : DelegatingRuntime(new FakeModelRuntime(new() { Next = next }))
    {
        public override ITokenizer Tokenizer => tokenizer;
    }
}
