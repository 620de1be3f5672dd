namespace Gemma3Server.Chat;

/// <summary>Who speaks, as far as Gemma 3 can tell them apart.</summary>
internal enum ChatRole
{
    /// <summary>Instructions; <c>system</c> and <c>developer</c> in the protocol.</summary>
    System,

    /// <summary>The person, or a tool that answers the model; <c>user</c> and <c>tool</c> in the protocol.</summary>
    User,

    /// <summary>The model; <c>assistant</c> in the protocol.</summary>
    Assistant,
}
