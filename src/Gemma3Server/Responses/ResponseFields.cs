using System.Text.Json;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Hosting;

namespace Gemma3Server.Responses;

/// <summary>Reads the fields of a request that are neither the input nor about how tokens are chosen.</summary>
internal static class ResponseFields
{
    /// <summary>Notes every fault in <paramref name="checks"/>; then the result means nothing.</summary>
    /// <returns>The response as it begins, how many of the most probable tokens are asked for, and the grammar of the answer, if it has one.</returns>
    public static (ResponseBody Body, int? TopLogProbs, (GrammarDefinition Definition, string Field)? Grammar) Read(
        ResponseRequest request, GenerationRequest generation, ServedModel model, long now, IgnoredParameters ignored, FieldChecks checks)
    {
        var (text, grammar) = TextFormatReader.Read(request.Text, ignored, checks);
        var body = new ResponseBody
        {
            Id = ResponseId.Create(),
            CreatedAt = now,
            Status = request.Background == true ? ResponseStatus.Queued : ResponseStatus.InProgress,
            Background = request.Background ?? false,
            Instructions = request.Instructions,
            MaxOutputTokens = request.MaxOutputTokens is null ? null : checks.Integer("max_output_tokens", request.MaxOutputTokens, 1, 1),
            Model = model.Id,
            ParallelToolCalls = request.ParallelToolCalls ?? true,
            PreviousResponseId = request.PreviousResponseId,
            PromptCacheKey = request.PromptCacheKey,
            Reasoning = ReadReasoning(request.Reasoning, ignored, checks),
            SafetyIdentifier = request.SafetyIdentifier,
            ServiceTier = ServiceTier.NameOf(generation.Priority),
            Store = request.Store ?? true,
            Temperature = request.Temperature ?? (double)(decimal)generation.Sampling.Temperature,
            Text = text,
            ToolChoice = request.ToolChoice is { } choice && !choice.IsNull() ? choice : ResponseBody.AutoChoice,
            Tools = request.Tools is { ValueKind: JsonValueKind.Array } tools ? [.. tools.EnumerateArray()] : [],
            TopLogprobs = checks.Integer("top_logprobs", request.TopLogprobs, 0, 0, LogProbsReader.MaxTop),
            TopP = request.TopP ?? (double)(decimal)generation.Sampling.TopP,
            Truncation = request.Truncation ?? "disabled",
            User = request.User,
            Metadata = request.Metadata?.ToDictionary(pair => pair.Key, pair => pair.Value ?? "") ?? [],
        };
        EffectlessFields.CheckMetadata(request.Metadata, checks);
        checks.Length("safety_identifier", request.SafetyIdentifier, EffectlessFields.MaxIdentifierLength);
        checks.Word("truncation", request.Truncation, ["auto", "disabled"]);
        if (body is { Background: true, Store: false })
            checks.Add(OpenAiError.OutOfRange("background", "'background' is only allowed when 'store' is true: nobody could ask for the response."));

        var logprobs = IncludeReader.Read(request.Include, ignored, checks);
        ignored.AddIf("top_logprobs", body.TopLogprobs > 0 && !logprobs);
        ignored.AddIf("user", request.User is not null);
        ignored.AddIf("safety_identifier", request.SafetyIdentifier is not null);
        ignored.AddIf("prompt_cache_key", request.PromptCacheKey is not null);
        ignored.AddIf("stream_options.include_usage", request.StreamOptions?.IncludeUsage is not null);
        ignored.AddIf("stream_options.include_obfuscation", request.StreamOptions?.IncludeObfuscation == true);
        return (body, logprobs ? body.TopLogprobs : null, grammar);
    }

    private static ResponseReasoning ReadReasoning(ResponseReasoning? reasoning, IgnoredParameters ignored, FieldChecks checks)
    {
        checks.Word("reasoning.effort", reasoning?.Effort, EffectlessFields.Efforts);
        checks.Word("reasoning.summary", reasoning?.Summary, ["auto", "concise", "detailed"]);
        ignored.AddIf("reasoning.effort", reasoning?.Effort is not (null or "none"));
        ignored.AddIf("reasoning.summary", reasoning?.Summary is not null);
        ignored.AddAll("reasoning.", reasoning?.Others);
        return new() { Effort = reasoning?.Effort, Summary = reasoning?.Summary };
    }
}
