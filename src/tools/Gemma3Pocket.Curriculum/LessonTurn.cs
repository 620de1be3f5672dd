namespace Gemma3Pocket.Curriculum;

/// <summary>One turn of a lesson.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>, as the chat API names them.</param>
/// <param name="Text">What is said; without leading or trailing white space, since the chat template trims it.</param>
public sealed record LessonTurn(string Role, string Text);
