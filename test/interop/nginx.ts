import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { launch, type Launched } from "./launch.ts";

/**
 * nginx in a folder of its own, until it is disposed of. One process, so that a SIGKILL leaves no workers behind. As root it would
 * else take a user who may not write to the folder.
 */
export async function launchNginx(folder: string, http: string, modules: readonly string[] = []): Promise<Launched> {
  const config = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  await writeFile(
    config,
    `
${modules.map((module) => `load_module ${module};`).join("\n")}
daemon off;
master_process off;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary.map((use) => `${use}_temp_path ${folder}/${use};`).join(" ")}
  ${http}
}
`,
  );
  return launch("nginx", ["-c", config, "-p", folder, "-e", "stderr"], { ready: /getrlimit/ });
}
