using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>
/// Fields of OpenAI's that mean nothing here: checked all the same, and named unless they ask for what happens anyway. Their bounds are
/// OpenAI's.
/// </summary>
internal static class EffectlessFields
{
    internal const int MaxIdentifierLength = 64;
    private const int MaxPairs = 16;
    private const int MaxKeyLength = 64;
    private const int MaxValueLength = 512;

    public static readonly string[] Efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

    public static readonly string[] Verbosities = ["low", "medium", "high"];

    public static void Read(ChatCompletionRequest request, IgnoredParameters ignored, FieldChecks checks)
    {
        checks.Length("safety_identifier", request.SafetyIdentifier, MaxIdentifierLength);
        checks.Word("reasoning_effort", request.ReasoningEffort, Efforts);
        checks.Word("verbosity", request.Verbosity, Verbosities);
        CheckMetadata(request.Metadata, checks);
        ReadModalities(request.Modalities, checks);

        ignored.AddIf("user", request.User is not null);
        ignored.AddIf("safety_identifier", request.SafetyIdentifier is not null);
        ignored.AddIf("prompt_cache_key", request.PromptCacheKey is not null);
        ignored.AddIf("metadata", request.Metadata is { Count: > 0 });
        ignored.AddIf("verbosity", request.Verbosity is not null);
        // Nothing is stored, nobody thinks before the answer, and nothing obfuscates the sizes of events.
        ignored.AddIf("store", request.Store == true);
        ignored.AddIf("reasoning_effort", request.ReasoningEffort is not (null or "none"));
        ignored.AddIf("stream_options.include_obfuscation", request.StreamOptions?.IncludeObfuscation == true);
    }

    internal static void CheckMetadata(IReadOnlyDictionary<string, string?>? metadata, FieldChecks checks)
    {
        if (metadata is null) return;
        if (metadata.Count > MaxPairs) checks.Fail("metadata", $"at most {MaxPairs} pairs", $"{metadata.Count}");
        foreach (var (key, value) in metadata)
        {
            if (checks.Error is not null) return;
            var name = $"metadata.{Excerpt.Of(key)}";
            if (key.EnumerateRunes().Count() > MaxKeyLength)
                checks.Fail("metadata", $"pairs whose keys have at most {MaxKeyLength} characters", $"one of '{Excerpt.Of(key)}'");
            else if (value is null) checks.Add(OpenAiError.WrongType(name, "a string", "null"));
            else checks.Length(name, value, MaxValueLength);
        }
    }

    private static void ReadModalities(IReadOnlyList<string?>? modalities, FieldChecks checks)
    {
        if (modalities is null || modalities is ["text"]) return;
        var given = string.Join(", ", modalities.Take(8).Select(modality => modality is null ? "null" : $"\"{modality}\""));
        checks.Add(OpenAiError.UnsupportedValue("modalities", $"'modalities' must be [\"text\"] on this server, but is [{Excerpt.Of(given)}]."));
    }
}
