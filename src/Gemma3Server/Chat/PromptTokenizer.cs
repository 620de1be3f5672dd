using Gemma3Server.Engine;

namespace Gemma3Server.Chat;

/// <summary>Makes prompt tokens of conversations.</summary>
/// <remarks>Thread-safe. To be used when the model is loaded.</remarks>
internal sealed class PromptTokenizer(InferenceEngine engine, Tokenizations tokenizations)
{
    // Made once: the engine has one model for life.
    private ChatTemplate? _template;

    /// <summary>The template bound to the model's vocabulary; null when that has no turn tokens, so that the model cannot chat.</summary>
    public ChatTemplate? Template
    {
        get
        {
            var tokenizer = engine.Tokenizer ?? throw new InvalidOperationException("A prompt was made before the model was loaded.");

            // Two threads may both make it; the results are the same.
            if (_template is null && ChatTemplate.TryCreate(tokenizer, out var created)) _template = created;
            return _template;
        }
    }

    /// <summary>The tokens that an answer of this text has.</summary>
    public ValueTask<int[]> TokenizeAnswerAsync(string text, CancellationToken cancellationToken)
    {
        var template = Template ?? throw new InvalidOperationException("The model cannot chat.");
        return tokenizations.RunAsync(() => template.TokenizeAnswer(text), cancellationToken);
    }

    /// <summary>The prompt's tokens; adds to <paramref name="boundaries"/> as <see cref="ChatTemplate"/> does.</summary>
    public ValueTask<int[]> TokenizeAsync(Conversation conversation, List<int> boundaries, CancellationToken cancellationToken)
    {
        var template = Template ?? throw new InvalidOperationException("The model cannot chat.");
        return tokenizations.RunAsync(() => template.Tokenize(conversation, boundaries, cancellationToken), cancellationToken);
    }
}
