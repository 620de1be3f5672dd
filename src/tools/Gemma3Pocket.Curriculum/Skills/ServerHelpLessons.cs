using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Help on this server. The key is the phrasing with its topic.</summary>
internal static class ServerHelpLessons
{
    private static readonly string[] HowTo =
    [
        "How do I {0}?", "How can I {0}?", "I want to {0}.", "How to {0}?", "Can I {0}?", "What must I do to {0}?", "Show me how to {0}.",
        "I would like to {0}. How?", "Is there a way to {0}?", "Help me to {0}.", "What do I need to {0}?", "Explain how to {0}.",
    ];

    private static readonly string[] WhatIs =
    [
        "What is {0}?", "Explain {0}.", "What is {0} in this server?", "Tell me about {0}.", "I need to know: what is {0}?", "Say what {0} is.",
        "Do you know {0}?", "What do you know about {0}?", "Help me with {0}.",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        var goal = random.Percent(60);
        var (topic, answer) = random.Of(goal ? ServerFacts.Goals : ServerFacts.Things);
        var phrasing = random.Of(goal ? HowTo : WhatIs);
        return new LessonDraft($"server|{phrasing}|{topic}", Phrasing.Open(random, Phrasing.Fill(phrasing, topic)), answer);
    }
}
