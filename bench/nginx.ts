/** nginx with `sub_filter`, the usual way to rename without writing a program. */

/** Where nginx stands. */
export interface NginxOptions {
  /** A directory of its own for its files. */
  dir: string;
  /** The port it listens on. */
  port: number;
  /** The port of the origin. */
  originPort: number;
}

/**
 * Writes the configuration: one worker, connections kept on both sides, nothing
 * else changed from what nginx does by itself.
 */
export function nginxConfig({ dir, port, originPort }: NginxOptions): string {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${dir}/${name};`)
    .join("\n");
  return `daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
${temp}
  keepalive_requests 1000000;
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 16;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Accept-Encoding "";
      sub_filter 'vllm:' 'vllm_';
      sub_filter_once off;
      sub_filter_types *;
    }
  }
}
`;
}

/** Writes the configuration into its directory. */
export async function writeNginx(options: NginxOptions): Promise<string[]> {
  const path = `${options.dir}/nginx.conf`;
  await Deno.mkdir(options.dir);
  // nginx started by root runs its worker as nobody, who must get at the temporary files.
  await Deno.chmod(options.dir, 0o755);
  await Deno.writeTextFile(path, nginxConfig(options));
  return ["-p", options.dir, "-e", "stderr", "-c", path];
}
