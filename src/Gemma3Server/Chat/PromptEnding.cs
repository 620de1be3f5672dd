namespace Gemma3Server.Chat;

/// <summary>How a prompt ends, after its last message.</summary>
internal enum PromptEnding
{
    /// <summary>With the beginning of the model's turn: it answers.</summary>
    Answer,

    /// <summary>Inside the last message, which is the model's: it goes on with it.</summary>
    Continuation,

    /// <summary>With the end of the last turn: whoever asks for that says what comes next.</summary>
    Closed,
}
