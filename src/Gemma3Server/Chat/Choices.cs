using Gemma3Server.Engine;

namespace Gemma3Server.Chat;

/// <summary>Several answers to one prompt, each a generation of its own; the prefix cache computes the prompt once.</summary>
internal static class Choices
{
    /// <summary>Most answers to one request: enough to choose from, and few enough that one request does not fill the queue.</summary>
    public const int Max = 16;

    /// <summary>How many answers are asked for.</summary>
    public static int Read(string name, long? value, InferenceEngine engine, FieldChecks checks) =>
        checks.Integer(name, value, 1, 1, Math.Min(Max, engine.MostTogether));

    /// <summary>The generations of the answers: the first has the request's seed, each other one the next, so that each can be asked for alone.</summary>
    public static IReadOnlyList<GenerationRequest> Of(GenerationRequest request, int count)
    {
        var choices = new GenerationRequest[count];
        for (var i = 0; i < count; i++)
        {
            choices[i] = i == 0 ? request : request with
            {
                Id = $"{request.Id}.{i}",
                Sampling = request.Sampling with { Seed = request.Sampling.Seed is { } seed ? unchecked(seed + (ulong)i) : null },
            };
        }

        return choices;
    }
}
