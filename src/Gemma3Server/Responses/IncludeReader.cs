using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;

namespace Gemma3Server.Responses;

/// <summary>Reads what a response is to report more.</summary>
internal static class IncludeReader
{
    private const string LogProbs = "message.output_text.logprobs";

    /// <summary>OpenAI's values; all but the one above concern tools and thoughts, which nothing here has.</summary>
    private static readonly string[] Values =
    [
        LogProbs, "reasoning.encrypted_content", "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
        "message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs",
    ];

    /// <summary>Whether log-probabilities are asked for.</summary>
    public static bool Read(IReadOnlyList<string?>? include, IgnoredParameters ignored, FieldChecks checks)
    {
        for (var i = 0; i < include?.Count && checks.Error is null; i++)
        {
            if (include[i] is not { } value) checks.Add(OpenAiError.WrongType($"include[{i}]", "a string", "null"));
            else if (!Values.Contains(value)) checks.Word($"include[{i}]", value, Values);
            else ignored.AddIf($"include[{value}]", value != LogProbs);
        }

        return include?.Contains(LogProbs) ?? false;
    }
}
