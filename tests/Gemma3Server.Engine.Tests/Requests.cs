using System.Text;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>Builders of requests, and readers of what came of them.</summary>
internal static class Requests
{
    private static readonly FakeTokenizer Tokenizer = new();

    public static GenerationRequest Greedy(string prompt, int maxTokens) => new()
    {
        Id = "request",
        PromptTokens = [FakeTokenizer.Bos, .. Tokenizer.Tokenize(prompt)],
        MaxTokens = maxTokens,
        Sampling = new() { Temperature = 0 },
        IgnoreEndOfGeneration = true,
    };

    /// <summary>A runtime behaviour that answers every prompt with <paramref name="text"/>, then ends the turn.</summary>
    public static Func<IReadOnlyList<int>, int?> Answer(int promptTokens, string text) => Answer(promptTokens, Encoding.UTF8.GetBytes(text));

    /// <inheritdoc cref="Answer(int, string)"/>
    public static Func<IReadOnlyList<int>, int?> Answer(int promptTokens, byte[] text) => tokens =>
    {
        var at = tokens.Count - promptTokens;
        return at < text.Length ? FakeTokenizer.FirstByte + text[at] : FakeTokenizer.EndOfTurn;
    };

    public static List<GenerationEvent> Events(this Sequence sequence)
    {
        var events = new List<GenerationEvent>();
        while (sequence.Output.Events.TryRead(out var next)) events.Add(next);
        return events;
    }

    public static async Task<List<GenerationEvent>> ReadAll(this GenerationAdmission admission)
    {
        Assert.True(admission.Admitted);
        var events = new List<GenerationEvent>();
        await foreach (var next in admission.Events) events.Add(next);
        return events;
    }

    public static string Text(this IEnumerable<GenerationEvent> events) =>
        string.Concat(events.OfType<GenerationEvent.Text>().Select(t => t.Value));

    public static GenerationEvent.Finished Finish(this IEnumerable<GenerationEvent> events) =>
        Assert.Single(events.OfType<GenerationEvent.Finished>());

    public static GenerationEvent.Started Start(this IEnumerable<GenerationEvent> events) =>
        Assert.Single(events.OfType<GenerationEvent.Started>());

    public static GenerationEvent.Failed Failure(this IEnumerable<GenerationEvent> events) =>
        Assert.Single(events.OfType<GenerationEvent.Failed>());
}
