using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Reads how the prompt is to end.</summary>
internal static class PromptEndings
{
    public static PromptEnding Read(ChatCompletionRequest request, FieldChecks checks)
    {
        if (request.ContinueFinalMessage != true) return request.AddGenerationPrompt == false ? PromptEnding.Closed : PromptEnding.Answer;
        if (request.AddGenerationPrompt == true)
        {
            checks.Add(OpenAiError.OutOfRange("continue_final_message",
                "'continue_final_message' and 'add_generation_prompt' must not both be true: one goes on with the last message, the other begins "
                + "a new one."));
        }

        return PromptEnding.Continuation;
    }
}
